"""A Hamiltonian as tabu search reads it: neighbours, and interactions of three spins and more, all over one unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["TabuTerms", "plan_tabu"]

_EXACT = 2.0**22  # integers that are summed in float32, whose sums and their doubles are then exact


class TabuTerms(NamedTuple):
    """Numbers of a Hamiltonian over ``unit``, in float32 where all sums of them are exact there, else in float64.

    Attributes:
        ptr: where the neighbours of each site start, (N + 1,).
        neighbour: int32, (2E,).
        pair: J of each.
        field: h, (N,).
        incident_ptr: where the interactions of three sites and more of each site start, (N + 1,).
        incident: their numbers.
        weight: J of each such interaction, (I,).
        member_ptr: where the sites of each start, (I + 1,).
        member: these, int32.
        unit: what energies are multiplied by.
    """

    ptr: np.ndarray
    neighbour: np.ndarray
    pair: np.ndarray
    field: np.ndarray
    incident_ptr: np.ndarray
    incident: np.ndarray
    weight: np.ndarray
    member_ptr: np.ndarray
    member: np.ndarray
    unit: float


def plan_tabu(graph: IsingGraph | SpinHypergraph) -> TabuTerms:
    """Terms of one graph or hypergraph; pairs of the latter are neighbours as in a graph."""
    n = graph.num_spins
    h = graph.h.detach().cpu().double().numpy()
    site, orders, J = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    if isinstance(graph, IsingGraph):
        i, j, K = (part.detach().cpu() for part in graph.undirected())
        ends, pair = torch.stack([i, j]).numpy(), K.double().numpy()
    else:
        members, lengths = (part.cpu().numpy() for part in graph.members())
        weights = graph.hyperedge_weight.detach().cpu().double().numpy()
        spread = np.repeat(lengths == 2, lengths)
        ends, pair = members[spread].reshape(-1, 2).T, weights[lengths == 2]
        site, orders, J = members[~spread], lengths[lengths != 2], weights[lengths != 2]
    source, target = np.concatenate([ends, ends[::-1]], axis=1)
    order = np.argsort(source, kind="stable")
    which = np.repeat(np.arange(len(orders)), orders)
    by_site = np.argsort(site, kind="stable")
    unit, kind = _unit(pair, J, h)
    return TabuTerms(
        _pointers(np.bincount(source, minlength=n)),
        target[order].astype(np.int32),
        (np.tile(pair, 2)[order] / unit).astype(kind),
        (h / unit).astype(kind),
        _pointers(np.bincount(site, minlength=n)),
        which[by_site],
        (J / unit).astype(kind),
        _pointers(orders),
        site.astype(np.int32),
        unit,
    )


def _unit(*parts: np.ndarray) -> tuple[float, type]:
    """A power of two to divide by, so that nothing is rounded, and the type that is enough."""
    numbers = np.abs(np.concatenate(parts))
    numbers = numbers[numbers > 0]
    if not numbers.size:
        return 1.0, np.float32
    # the exponent of the smallest number's last bit: over it, all are integers
    fractions, exponents = np.frexp(numbers)
    whole = (fractions * 2.0**53).astype(np.int64)
    last = exponents - 53 + np.log2((whole & -whole).astype(float)).astype(np.int64)
    if exponents.max() - last.min() < 64 and float(np.ldexp(numbers, -last.min()).sum()) < _EXACT:
        return float(np.ldexp(1.0, last.min())), np.float32
    return float(np.ldexp(1.0, exponents.max())), np.float64


def _pointers(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
