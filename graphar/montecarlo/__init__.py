"""Monte Carlo on any graph: compiled samplers over many replicas, and what is made of them."""

from graphar.montecarlo.annealing import Annealing, simulated_annealing
from graphar.montecarlo.base import Info, Sampler, State
from graphar.montecarlo.chains import Chains
from graphar.montecarlo.clusters import SwendsenWang, Wolff
from graphar.montecarlo.metropolis_sampler import Metropolis
from graphar.montecarlo.neural import ConditionalRedraw, IndependenceMetropolis
from graphar.montecarlo.population import Population, population_annealing
from graphar.montecarlo.sampling import heat_bath, metropolis, sample
from graphar.montecarlo.single_spin import HeatBath
from graphar.montecarlo.subgraphs import SubgraphHeatBath
from graphar.montecarlo.temperatures import temperature_ladder
from graphar.montecarlo.tempered import Tempering
from graphar.montecarlo.tempering import parallel_tempering

__all__ = [
    "Annealing",
    "Chains",
    "ConditionalRedraw",
    "HeatBath",
    "IndependenceMetropolis",
    "Info",
    "Metropolis",
    "Population",
    "Sampler",
    "State",
    "SubgraphHeatBath",
    "SwendsenWang",
    "Tempering",
    "Wolff",
    "heat_bath",
    "metropolis",
    "parallel_tempering",
    "population_annealing",
    "sample",
    "simulated_annealing",
    "temperature_ladder",
]
