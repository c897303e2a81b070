"""The names at the root of the package, in one place; loading them loads torch."""

from graphar import exact, heads, montecarlo, problems
from graphar.comparison.compare import compare
from graphar.comparison.result import Comparison
from graphar.comparison.sampler_result import SamplerComparison, SamplerRecord
from graphar.comparison.samplers import compare_samplers
from graphar.estimators import Bennett, Correlations, Estimate, FreeEnergy, LostModes, Multistate, Observables, Overlaps, QuantumEnergy, ThermodynamicIntegral, Thermodynamics, TwoSidedBound, autocorrelation_time, bennett, correlation_length, correlations, effective_samples, free_energy, gelman_rubin, lost_modes, mbar, mean_of_chains, observables, overlaps, quantum_energy, thermodynamic_integration, two_sided_bound
from graphar.free_energies import LogPartition, log_partition
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph, PairwiseReduction, SpinHypergraph
from graphar.instances import InstanceDataset, chain, complete, curie_weiss, erdos_renyi, grid, newman_moore, random_chain, random_hypergraph, random_regular, sherrington_kirkpatrick, triangular, wishart_planted, xorsat
from graphar.io import SpinSamples, load_samples, read, save_samples, write
from graphar.landscapes import HessianEigenvalues, Landscape, hessian_eigenvalues, landscape
from graphar.models.autoregressive import Autoregressive
from graphar.models.distribution import Distribution
from graphar.ordering import Ordering, bfs, given_order, min_degree, min_fill, natural, nested_dissection, random_order, rcm, zigzag
from graphar.partial_elimination import core_first
from graphar.solvers.result import Solution
from graphar.solvers.shortcuts import Solved, colouring, max_cut, max_independent_set, max_sat, min_vertex_cover, partition_numbers, qubo
from graphar.solvers.solve import Progress, solve
from graphar.solvers.time_to_target import TimeToTarget, time_to_target
from graphar.sweeps import Sweep, collect, sweep
from graphar.training import Adiabaticity, BetaRecord, Fit, NaturalGradient, Pretraining, Run, SequentialTempering, Trace, adiabaticity, anneal, fine_tune, fit, geometric, linear, load, pretrain, protocols, save, sequential_tempering

__all__ = ["Adiabaticity", "Autoregressive", "Bennett", "BetaRecord", "Comparison", "Correlations", "Distribution", "Estimate", "Fit", "FreeEnergy", "Frontier", "HessianEigenvalues", "InstanceDataset", "IsingGraph", "Landscape", "LogPartition", "LostModes", "Multistate", "NaturalGradient", "Observables", "Ordering", "Overlaps", "PairwiseReduction", "Pretraining", "Progress", "QuantumEnergy", "Run", "SamplerComparison", "SamplerRecord", "SequentialTempering", "Solution", "Solved", "SpinHypergraph", "SpinSamples", "Sweep", "ThermodynamicIntegral", "Thermodynamics", "TimeToTarget", "Trace", "TwoSidedBound", "adiabaticity", "anneal", "autocorrelation_time", "bennett", "bfs", "build_frontier", "chain", "collect", "colouring", "compare", "compare_samplers", "complete", "core_first", "correlation_length", "correlations", "curie_weiss", "effective_samples", "erdos_renyi", "exact", "fine_tune", "fit", "free_energy", "gelman_rubin", "geometric", "given_order", "grid", "heads", "hessian_eigenvalues", "landscape", "linear", "load", "load_samples", "log_partition", "lost_modes", "max_cut", "max_independent_set", "max_sat", "mbar", "mean_of_chains", "min_degree", "min_fill", "min_vertex_cover", "montecarlo", "natural", "nested_dissection", "newman_moore", "observables", "overlaps", "partition_numbers", "pretrain", "problems", "protocols", "quantum_energy", "qubo", "random_chain", "random_hypergraph", "random_order", "random_regular", "rcm", "read", "save", "save_samples", "sequential_tempering", "sherrington_kirkpatrick", "solve", "sweep", "thermodynamic_integration", "time_to_target", "triangular", "two_sided_bound", "wishart_planted", "write", "xorsat", "zigzag"]
