"""Every sampler of :mod:`graphar.montecarlo`, for the laws that all must keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from small_graphs import GRAPHS
from torch import Tensor

import graphar as ga

__all__ = ["MANY_BODY", "SAMPLERS", "SMALL", "WHOLE", "chi_square_z", "distribution", "graphs_of", "proposals"]

mc = ga.montecarlo

SAMPLERS: dict[str, Callable[[Any], mc.Sampler]] = {
    "heat bath": mc.HeatBath,
    "heat bath, random sites": lambda graph: mc.HeatBath(graph, order="random"),
    "heat bath, colours": lambda graph: mc.HeatBath(graph, order="coloured"),
    "Metropolis": lambda graph: mc.Metropolis(graph, coding="rows"),
    "Metropolis, random sites": lambda graph: mc.Metropolis(graph, order="random", coding="rows"),
    "Metropolis, bits": lambda graph: mc.Metropolis(graph, coding="bits"),
    "Metropolis, bits, random sites": lambda graph: mc.Metropolis(graph, order="random", coding="bits"),
    "forest heat bath": mc.SubgraphHeatBath,
    "subgraph heat bath of width 2": lambda graph: mc.SubgraphHeatBath(graph, width=2),
    "subgraph heat bath of width 3": lambda graph: mc.SubgraphHeatBath(graph, width=3),
    "Wolff": mc.Wolff,
    "Swendsen–Wang": mc.SwendsenWang,
    "independence Metropolis": lambda graph: mc.IndependenceMetropolis(proposals(graph)),
    "independence Metropolis of a dial, heat bath between": lambda graph: mc.IndependenceMetropolis(
        proposals(graph, exact_width=2), between=mc.HeatBath, sweeps=2
    ),
    "suffix redraw, heat bath between": lambda graph: mc.ConditionalRedraw(proposals(graph), between=mc.HeatBath),
    "subtree redraw of a dial, heat bath between": lambda graph: mc.ConditionalRedraw(
        proposals(graph, exact_width=2), part="subtree", between=mc.HeatBath
    ),
}
MANY_BODY = [
    "heat bath",
    "heat bath, random sites",
    "Metropolis",
    "independence Metropolis",
    "suffix redraw, heat bath between",
]
SMALL = {name: graph for name, graph in GRAPHS.items() if graph.num_spins <= 12}


def _whole(graph: ga.IsingGraph) -> ga.IsingGraph:
    """The same with couplings of ±0, ±½, … ±3/2 and fields up to ±1."""
    i, j, J = graph.undirected()
    J, h = (2 * J).round().clamp(-3, 3) / 2, (2 * graph.h).round().clamp(-2, 2) / 2
    return ga.IsingGraph.from_edges(torch.stack([i, j]), J, h, graph.num_spins, offset=float(graph.offset))


WHOLE = {name: _whole(graph) for name, graph in SMALL.items()}


def proposals(graph: Any, **options: Any) -> ga.Distribution:
    """A model that is the Boltzmann distribution at no β, and not far from that at 0.5."""
    return ga.Autoregressive(graph, ga.heads.Linear(scale=0.4), seed=3, **options).at(0.5)


def graphs_of(sampler: str) -> dict[str, ga.IsingGraph]:
    """Small graphs that a sampler takes."""
    return WHOLE if "bits" in sampler else SMALL


def distribution(graph: Any, beta: float) -> Tensor:
    """Probabilities of all configurations, by code: bit i set where site i is +1."""
    bits = torch.arange(2**graph.num_spins)[:, None] >> torch.arange(graph.num_spins)
    return torch.softmax(-beta * graph.to(torch.float64).energy(2 * (bits & 1) - 1), 0)


def chi_square_z(spins: Tensor, probabilities: Tensor) -> float:
    """χ² of counts against probabilities as a standard normal: cells of less than 10 expected are one."""
    count, n = spins.shape
    codes = ((spins > 0).long() << torch.arange(n)).sum(-1)
    seen = torch.bincount(codes, minlength=2**n).double().numpy()
    expected = probabilities.numpy() * count
    order = np.argsort(-expected)
    seen, expected = seen[order], expected[order]
    whole = max(1, int((expected >= 10).sum()))
    if expected[whole:].sum() > 0:
        rest = seen[whole:].sum(), expected[whole:].sum()
        seen, expected = np.append(seen[:whole], rest[0]), np.append(expected[:whole], rest[1])
    if expected[-1] < 10 and len(expected) > 1:
        seen[-2], expected[-2] = seen[-2] + seen[-1], expected[-2] + expected[-1]
        seen, expected = seen[:-1], expected[:-1]
    freedom = len(expected) - 1
    if freedom == 0:
        return 0.0
    chi2 = ((seen - expected) ** 2 / expected).sum()
    # Wilson and Hilferty
    return float(((chi2 / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / (2 / (9 * freedom)) ** 0.5)
