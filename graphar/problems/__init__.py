"""Optimisation problems: Hamiltonians whose lowest energy answers a question, and answers in the user's own words."""

from graphar.problems.base import Check, Problem
from graphar.problems.colouring import Colouring
from graphar.problems.independent_set import IndependentSet, VertexCover
from graphar.problems.max_cut import MaxCut
from graphar.problems.max_sat import MaxSat
from graphar.problems.number_partitioning import NumberPartitioning
from graphar.problems.portfolio import Portfolio
from graphar.problems.qubo import QUBO, LowestEnergy
from graphar.problems.xor_sat import XorSat

__all__ = [
    "QUBO",
    "Check",
    "Colouring",
    "IndependentSet",
    "LowestEnergy",
    "MaxCut",
    "MaxSat",
    "NumberPartitioning",
    "Portfolio",
    "Problem",
    "VertexCover",
    "XorSat",
]
