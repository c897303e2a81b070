"""Estimators: numbers with their standard errors."""

from graphar.estimators.autocorrelation import autocorrelation_time, effective_samples, gelman_rubin, mean_of_chains
from graphar.estimators.bounds import TwoSidedBound, two_sided_bound
from graphar.estimators.bridge import Bennett, bennett
from graphar.estimators.correlations import Correlations, correlation_length, correlations
from graphar.estimators.estimate import Estimate
from graphar.estimators.lost_modes import LostModes, lost_modes
from graphar.estimators.mbar import Multistate, Thermodynamics, mbar
from graphar.estimators.observables import Observables, observables
from graphar.estimators.overlaps import Overlaps, overlaps
from graphar.estimators.partition import FreeEnergy, estimate_from_samples, free_energy
from graphar.estimators.quantum import QuantumEnergy, quantum_energy
from graphar.estimators.thermodynamic import ThermodynamicIntegral, thermodynamic_integration

__all__ = [
    "Bennett",
    "Correlations",
    "Estimate",
    "FreeEnergy",
    "LostModes",
    "Multistate",
    "Observables",
    "Overlaps",
    "QuantumEnergy",
    "ThermodynamicIntegral",
    "Thermodynamics",
    "TwoSidedBound",
    "autocorrelation_time",
    "bennett",
    "correlation_length",
    "correlations",
    "effective_samples",
    "estimate_from_samples",
    "free_energy",
    "gelman_rubin",
    "lost_modes",
    "mbar",
    "mean_of_chains",
    "observables",
    "overlaps",
    "quantum_energy",
    "thermodynamic_integration",
    "two_sided_bound",
]
