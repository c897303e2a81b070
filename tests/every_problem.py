"""Small problems of every kind, with names of many kinds, that the laws of problems are tried on."""

from __future__ import annotations

import itertools
from typing import Any

import networkx as nx
import numpy as np

import graphar as ga
from graphar.problems import Problem

__all__ = ["PROBLEMS", "all_answers"]

RNG = np.random.default_rng(5)
ODD = nx.relabel_nodes(nx.gnm_random_graph(7, 10, seed=1), {0: "a", 1: ("t", 1), 2: 2.5, 3: frozenset("x"), 4: -1})
WEIGHTED = nx.gnm_random_graph(8, 14, seed=2)
nx.set_edge_attributes(WEIGHTED, {edge: {"weight": float(RNG.integers(-8, 9)) / 4} for edge in WEIGHTED.edges})
HEAVY = {node: float(RNG.integers(1, 12)) / 4 for node in ODD}
TRIANGLES = nx.complete_graph(4)  # not colourable by 3
COVARIANCE = RNG.integers(-4, 5, (6, 6)) / 8.0
COVARIANCE = COVARIANCE @ COVARIANCE.T
CLAUSES = [[1, -2, 3], [-1, 2], [2, -3, 4, -5], [5], [-4, -5], [1, 1, -1], [3, 3, 4], []]
WORDS = [[("x", True), (("y", 1), False)], [("x", False), ("z", True)], [("z", False)], [(("y", 1), True)]]
LONG = [[1, 2, -3, 4, 5, -6, 7, 8], [-1, -2, 3, -4, -5, 6, -7, -8], [2, 3], [-2, -3], [1, 8]]

PROBLEMS: dict[str, Problem[Any]] = {
    "cut": ga.problems.MaxCut(ODD),
    "signed cut": ga.problems.MaxCut(WEIGHTED),
    "cut of a Hamiltonian": ga.problems.MaxCut(ga.chain(5, periodic=True, couplings="pm1", seed=1)),
    "cut without edges": ga.problems.MaxCut([], num_nodes=3),
    "qubo": ga.problems.QUBO(RNG.integers(-8, 9, (6, 6)) / 4, offset=1.5),
    "qubo to maximise": ga.problems.QUBO({("a", "b"): 1.0, ("b", 3): -2.0, ("a", "a"): -0.5}, 0.25, sense="max"),
    "independent set": ga.problems.IndependentSet(ODD),
    "weighted independent set": ga.problems.IndependentSet(ODD, HEAVY),
    "strongly penalised": ga.problems.IndependentSet(WEIGHTED, [1.0, 5, 2, 2, 1, 3, 1, 4], penalty=4.0),
    "vertex cover": ga.problems.VertexCover(ODD),
    "weighted vertex cover": ga.problems.VertexCover(ODD, HEAVY, penalty=1.125),
    "partitioning": ga.problems.NumberPartitioning([8, 7, 6, 5, 4, -3]),
    "partitioning of floats": ga.problems.NumberPartitioning({"a": 0.5, ("b", 1): 1.25, None.__class__: 2.5}),
    "two colours": ga.problems.Colouring(nx.cycle_graph(5), 2),
    "three colours": ga.problems.Colouring(TRIANGLES, 3),
    "weighted colouring": ga.problems.Colouring(
        [("a", "b", 1.0), ("b", "c", 2.0), ("a", "c", 0.5), ("c", "d", 1.0)], 2, penalty=1.25
    ),
    "max-2-sat": ga.problems.MaxSat([[1, 2], [-1, 2], [1, -2], [-1, -2], [3]], [1.0, 2.0, 0.5, 3.0, 1.0]),
    "max-sat": ga.problems.MaxSat(CLAUSES, num_variables=6),
    "max-sat of names": ga.problems.MaxSat(WORDS, [1.0, 2.0, 0.75, 0.5], hard=[True, False, False, False]),
    "max-sat of long clauses": ga.problems.MaxSat(LONG, [1.5, 1.0, 1.0, 2.0, 1.0]),
    "hard long clauses": ga.problems.MaxSat(LONG, hard=[True, True, False, False, True]),
    "xorsat": ga.problems.XorSat([(0, 1, 2), (1, 2, 3), (0, 3), (2,), (1, 1), (0, 0, 1)], [1, 0, 1, 1, 1, 0]),
    "weighted xorsat": ga.problems.XorSat([("a", "b", "c"), ("b", "d")], 1, [0.5, 2.0]),
    "xorsat of an instance": ga.problems.XorSat.from_hamiltonian(ga.xorsat(6, seed=3)),
    "portfolio": ga.problems.Portfolio(RNG.integers(1, 9, 6) / 8.0, COVARIANCE, 3, risk_aversion=0.5),
    "any portfolio": ga.problems.Portfolio({"x": 1.0, ("y",): 0.5, 3: -0.25}, np.diag([0.5, 0.25, 1.0])),
    "lowest energy": ga.problems.LowestEnergy(ga.grid((2, 3), couplings="pm1", field="uniform", seed=2)),
    "lowest energy of triples": ga.problems.LowestEnergy(
        ga.SpinHypergraph.from_hyperedges([("a", "b", "c"), ("b", "c", "d")], [1.0, -0.5], {"a": 0.25})
    ),
}


def all_answers(problem: Problem[Any]) -> list[Any]:
    """Every answer that spins can say, once each."""
    n = problem.graph.num_spins
    answers: dict[str, Any] = {}
    for spins in itertools.product([-1, 1], repeat=n):
        answer = problem.decode(list(spins))
        answers.setdefault(bytes(problem.encode(answer).numpy()).hex(), answer)
    return list(answers.values())
