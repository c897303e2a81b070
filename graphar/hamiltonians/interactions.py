"""Interactions of any number of sites: read from lists and dictionaries, sorted, each once."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, as_tensor, check_number
from graphar._support.segments import Segments
from graphar.hamiltonians._parts import (
    check_constant,
    common_device,
    find_size,
    read_fields,
    read_places,
    spread_fields,
)
from graphar.hamiltonians.labels import as_labels, as_mapping, number

__all__ = ["HyperParts", "by_order", "check_hyper_parts", "clique_ends", "from_dictionary", "from_list"]


MAX_PRIMAL_PAIRS = 2**28  # of a graph whose edges would take a few GB


class HyperParts(NamedTuple):
    """Numbers and names of a hypergraph of spins.

    Attributes:
        sites: those of all interactions, one interaction after the other, shape (I,), int64.
        orders: number of sites of each interaction, shape (A,), int64.
        couplings: J, shape (A,), or one number for all.
        fields: h, shape (N,), ``{site: h}``, one number for all, or None for none.
        num_nodes: N; None where the others say it.
        labels: names of the sites, or None.
        offset: the constant of the energy.
        pos: places of the sites, shape (N, d), or None.
    """

    sites: Tensor
    orders: Tensor
    couplings: Any
    fields: Any = None
    num_nodes: int | None = None
    labels: Any = None
    offset: Any = 0.0
    pos: Any = None


def from_list(interactions: Any, labels: Any) -> tuple[Tensor, Tensor, list[Hashable] | None]:
    """Sites, orders and labels (None where names are site numbers) of interactions, one by one, or of an array."""
    if isinstance(interactions, (Tensor, np.ndarray)):
        sites = as_tensor(interactions, "interactions")
        if sites.dim() != 2 or sites.is_floating_point() or sites.is_complex() or sites.dtype == torch.bool:
            raise ValueError(
                "hyperedges must be tuples of sites, or an array of integers of shape (A, k), got "
                f"{sites.dtype}, shape {tuple(sites.shape)}"
            )
        orders = torch.full((sites.shape[0],), sites.shape[1], dtype=torch.int64)
        if labels is None:
            return sites.to(torch.int64).flatten(), orders, None
        found, names = number(sites.flatten().tolist(), labels, "interactions")
        return torch.from_numpy(found), orders, names
    listed = _as_tuples(interactions)
    found, names = number(itertools.chain.from_iterable(listed), labels, "interactions")
    orders = torch.tensor([len(each) for each in listed], dtype=torch.int64)
    return torch.from_numpy(found), orders, names


def _as_tuples(interactions: Any) -> list[Sequence[Any]]:
    if isinstance(interactions, (str, bytes, Mapping, set, frozenset)) or not isinstance(interactions, Iterable):
        raise ValueError(f"hyperedges must be a list of tuples of sites, got {type(interactions).__name__}")
    listed = list(interactions)
    for at, each in enumerate(listed):
        if not isinstance(each, (tuple, list)):
            raise ValueError(f"hyperedges must be tuples of sites, got {each!r} at position {at}")
    return listed


def from_dictionary(terms: Any, labels: Any, dtype: torch.dtype | None) -> tuple[HyperParts, Tensor]:
    """Terms ``{(i, j, k): number}`` of two sites and more; the fields of all sites apart, as the second result.

    The coupling of each is its number, the offset that of ``()``, unnamed sites have a field of 0.
    """
    if not isinstance(terms, Mapping):
        raise ValueError(f"terms must be a dictionary of tuples of sites, got {type(terms).__name__}")
    for key in terms:
        if not isinstance(key, tuple):
            raise ValueError(f"terms must have tuples of sites as keys, such as (0, 1, 2) or (0,), got {key!r}")
    values = as_float_tensor(list(terms.values()), "terms", dtype)
    if values.dim() != 1:
        raise ValueError(f"terms must have one number per key, got values of shape {tuple(values.shape[1:])}")
    found, names = number(itertools.chain.from_iterable(terms), labels, "terms")
    sites, orders = torch.from_numpy(found), torch.tensor([len(key) for key in terms], dtype=torch.int64)
    n = (int(sites.max()) + 1 if sites.numel() else None) if names is None else len(names)
    of_site = orders.repeat_interleave(orders)
    many = orders > 1
    h = values.new_zeros(n or 0).index_add_(0, sites[of_site == 1], values[orders == 1])
    shift = values[orders == 0].sum().item()
    return HyperParts(sites[of_site > 1], orders[many], values[many], None, n, names, shift), h


def check_hyper_parts(
    parts: HyperParts, duplicates: str = "error", dtype: torch.dtype | None = None, name: str = "interactions"
) -> HyperParts:
    """The same as tensors on one device, interactions by rising order and then sites, with fields of all sites; copies.

    ``name`` is what errors call the interactions.
    """
    sites, orders, weights, h, num_nodes, labels, offset, pos = parts
    h = as_mapping(h)
    check_constant(weights=weights, h=h, pos=pos, offset=offset)
    device = common_device(sites, name, weights=weights, h=h, pos=pos)
    sites, orders = sites.cpu(), orders.cpu()
    weight = as_float_tensor(weights, "weights", dtype)
    dtype = weight.dtype
    if weight.dim() == 0:
        weight = weight.expand(len(orders))
    if weight.shape != (len(orders),):
        raise ValueError(f"weights must have shape ({len(orders)},), one per interaction, got {tuple(weight.shape)}")
    if bool((orders < 2).any()):
        at = int((orders < 2).nonzero()[0])
        raise ValueError(
            f"{name} must have at least two sites each (fields are h=, a constant is offset=), "
            f"got {int(orders[at])} at position {at}"
        )
    known = None if labels is None else as_labels(labels)
    keys, values = read_fields(h, known, dtype)
    num_nodes = find_size(num_nodes, sites, known, keys, values)
    names = None if known is None else tuple(known)
    _check_sites(sites, orders, num_nodes, name)
    sites, orders, weight = _sorted(sites, orders, weight.cpu(), duplicates, name, names)
    h = spread_fields(keys, values, num_nodes).to(device)
    constant = as_float_tensor([check_number(offset, "offset")], "offset", dtype).to(device)
    places = None if pos is None else read_places(pos, num_nodes, device)
    return HyperParts(sites.to(device), orders.to(device), weight.to(device), h, num_nodes, names, constant, places)


def _check_sites(sites: Tensor, orders: Tensor, num_nodes: int, name: str) -> None:
    outside = (sites < 0) | (sites >= num_nodes)
    if bool(outside.any()):
        entry = int(outside.nonzero()[0])
        at = int(torch.searchsorted(orders.cumsum(0), entry, right=True))
        raise ValueError(f"{name} must hold sites 0…{num_nodes - 1}, got {int(sites[entry])} at position {at}")


def by_order(orders: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Of each order k: k, which interactions have it (A_k,), and where their sites are in the list of all, (A_k, k)."""
    start = orders.cumsum(0) - orders
    values, counts = orders.sort(stable=True).values.unique_consecutive(return_counts=True)
    groups = orders.argsort(stable=True).split(counts.tolist())
    for k, which in zip(values.tolist(), groups, strict=True):
        yield k, which, start[which, None] + torch.arange(k, device=orders.device)


def _sorted(
    sites: Tensor, orders: Tensor, weight: Tensor, duplicates: str, name: str, names: Sequence[Hashable] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Interactions by order, those of one order by their sites, which rise; each once."""
    if not isinstance(duplicates, str) or duplicates not in ("error", "sum"):
        raise ValueError(f'duplicates must be "error" or "sum", got {duplicates!r}')

    def shown(row: Tensor) -> tuple[Any, ...]:
        return tuple(site if names is None else names[site] for site in row.tolist())

    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for k, which, where in by_order(orders):
        rows, J = sites[where].sort(dim=1).values, weight[which]
        twice = (rows[:, 1:] == rows[:, :-1]).any(1)
        if bool(twice.any()):
            at = int(twice.nonzero()[0])
            raise ValueError(
                f"{name} must hold each site once in an interaction, got {shown(sites[where[at]])} "
                f"at position {int(which[at])}"
            )
        order = torch.from_numpy(np.lexsort(rows.numpy().T[::-1]))
        rows, J = rows[order], J[order]
        again = (rows[1:] == rows[:-1]).all(1)
        if bool(again.any()):
            if duplicates == "error":
                raise ValueError(
                    f"{name} must list each interaction once, got {shown(rows[int(again.nonzero()[0])])} twice "
                    '(in any order of its sites); duplicates="sum" adds the couplings'
                )
            first = torch.cat([again.new_ones(1), ~again])
            group = first.cumsum(0) - 1
            rows, J = rows[first], Segments(group, int(group[-1]) + 1).sum(J)
        parts.append((rows.flatten(), torch.full((len(rows),), k), J))
    if not parts:
        return sites, orders, weight.clone()
    flat, lengths, couplings = (torch.cat(column) for column in zip(*parts, strict=True))
    return flat, lengths, couplings


def clique_ends(sites: Tensor, orders: Tensor, num_nodes: int) -> Tensor:
    """Pairs i < j of sites that share an interaction, each once, sorted, shape (2, E)."""
    pairs = int((orders.double() * (orders - 1) / 2).sum())
    if pairs > MAX_PRIMAL_PAIRS:
        raise ValueError(f"interactions must have at most {MAX_PRIMAL_PAIRS} pairs of sites, got {pairs}")
    keys = [sites.new_empty(0)]
    for k, _, where in by_order(orders):
        first, second = torch.triu_indices(k, k, 1, device=sites.device)
        rows = sites[where]
        keys.append((rows[:, first] * num_nodes + rows[:, second]).flatten().unique())
    key = torch.cat(keys).unique()
    return torch.stack([key // num_nodes, key % num_nodes])
