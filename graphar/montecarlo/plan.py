"""A Hamiltonian as the compiled loops of Monte Carlo read it: neighbours, interactions of more, fields.

Couplings are divided by the largest of them in the loops and β is multiplied by it, so that nothing leaves float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["MAX_INCIDENCES", "Terms", "plan_terms", "terms_of"]

MAX_INCIDENCES = 2**31 - 1


class Terms(NamedTuple):
    """Numbers of a Hamiltonian, divided by ``scale``, site by site.

    Attributes:
        ptr: where the neighbours of each site start, (N + 1,).
        neighbour: rising for each site, int32, (2E,).
        weight: J / scale of each, float32.
        each: 0 … 2E − 1, int32.
        later: first of the neighbours of each site that is larger than it, (N,).
        field: h / scale, float32, (N,).
        many_ptr: where the interactions of three sites and more start of each site, (N + 1,).
        many_weight: J / scale of each, float32, (I,).
        many_first: whether the site is the smallest of the interaction, (I,).
        other_ptr: where the other sites of each start, (I + 1,).
        other: these, int32.
        scale: the largest |J| or |h|; 1 where all are zero.
        offset: of energies, undivided.
    """

    ptr: np.ndarray
    neighbour: np.ndarray
    weight: np.ndarray
    each: np.ndarray
    later: np.ndarray
    field: np.ndarray
    many_ptr: np.ndarray
    many_weight: np.ndarray
    many_first: np.ndarray
    other_ptr: np.ndarray
    other: np.ndarray
    scale: float
    offset: float


_NO_SITES = np.empty(0, np.int64)


def terms_of(graph: IsingGraph | SpinHypergraph) -> tuple[np.ndarray, ...]:
    """Fields (N,), ends (2, E) and couplings (E,) of pairs; sites, orders and couplings of all other interactions."""
    h = graph.h.detach().cpu().double().numpy()
    if isinstance(graph, IsingGraph):
        i, j, K = (part.detach().cpu() for part in graph.undirected())
        return h, torch.stack([i, j]).numpy(), K.double().numpy(), _NO_SITES, _NO_SITES, np.empty(0)
    members, lengths = (part.cpu().numpy() for part in graph.members())
    weights = graph.hyperedge_weight.detach().cpu().double().numpy()
    two = lengths == 2
    spread = np.repeat(two, lengths)
    return h, members[spread].reshape(-1, 2).T, weights[two], members[~spread], lengths[~two], weights[~two]


def plan_terms(graph: IsingGraph | SpinHypergraph) -> Terms:
    """Terms of one graph or hypergraph; pairs of the latter are neighbours as in a graph."""
    n = graph.num_spins
    h, ends, pair, site, orders, J = terms_of(graph)
    scale = float(max(np.abs(part).max(initial=0) for part in (pair, J, h))) or 1.0
    if 2 * ends.shape[1] + int((orders**2).sum()) > MAX_INCIDENCES:
        raise ValueError(f"graph must have at most {MAX_INCIDENCES} couplings in both directions, got more")
    source, target = np.concatenate([ends, ends[::-1]], axis=1)
    order = np.lexsort((target, source))
    source, target = source[order], target[order]
    ptr = _pointers(source, n)
    later = ptr[:-1] + np.bincount(source[target < source], minlength=n)
    many = _plan_many(site, orders, J / scale, n)
    return Terms(
        ptr,
        target.astype(np.int32),
        (np.tile(pair, 2)[order] / scale).astype(np.float32),
        np.arange(len(target), dtype=np.int32),
        later,
        (h / scale).astype(np.float32),
        many[0],
        many[1],
        many[2],
        many[3],
        many[4],
        scale,
        float(graph.offset),
    )


def _plan_many(site: np.ndarray, orders: np.ndarray, J: np.ndarray, n: int) -> tuple[np.ndarray, ...]:
    """Interactions by site: pointers, couplings, whether the site is the first, pointers to the others, the others."""
    starts = np.cumsum(orders) - orders
    which = np.repeat(np.arange(len(orders)), orders)
    place = np.arange(len(site)) - starts[which]
    order = np.argsort(site, kind="stable")
    counts = (orders[which] - 1)[order]
    other_ptr = np.concatenate([[0], np.cumsum(counts)])
    # the k-th other of an incidence is the k-th of the interaction, or the next one from its own place on
    k = np.arange(other_ptr[-1]) - np.repeat(other_ptr[:-1], counts)
    own = np.repeat(place[order], counts)
    other = site[np.repeat(starts[which[order]], counts) + k + (k >= own)]
    return (
        _pointers(site, n),
        J[which[order]].astype(np.float32),
        place[order] == 0,
        other_ptr,
        other.astype(np.int32),
    )


def _pointers(group: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(group, minlength=count))])
