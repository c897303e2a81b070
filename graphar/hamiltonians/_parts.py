"""What an Ising graph is put together from, and the one place where that is checked."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor, check_count, check_number
from graphar.hamiltonians.edges import check_ends, merge
from graphar.hamiltonians.labels import MAX_SPINS, as_labels, as_mapping, look_up, site_numbers

__all__ = [
    "Parts",
    "as_float64",
    "check_constant",
    "check_parts",
    "common_device",
    "find_size",
    "read_fields",
    "read_places",
    "spread_fields",
]


class Parts(NamedTuple):
    """Numbers and names of an Ising graph, by which other formats give it and take it.

    Attributes:
        ends: sites of each edge, listed once, shape (2, E), int64.
        couplings: J, shape (E,), or one number for all.
        fields: h, shape (N,), ``{site: h}``, one number for all, or None for none.
        num_nodes: N; None where the others say it.
        labels: names of the sites, or None.
        offset: the constant of the energy.
        pos: places of the sites, shape (N, d), or None.
    """

    ends: Tensor
    couplings: Any
    fields: Any = None
    num_nodes: int | None = None
    labels: Any = None
    offset: Any = 0.0
    pos: Any = None

    @property
    def names(self) -> Any:
        """Names of all sites: labels, or 0…N−1."""
        return range(len(self.fields)) if self.labels is None else self.labels


def check_parts(
    parts: Parts, duplicates: str = "error", dtype: torch.dtype | None = None, name: str = "edge_index"
) -> Parts:
    """The same as tensors on one device, with edges i < j sorted and fields of all sites; copies.

    Arguments as in :meth:`graphar.IsingGraph.from_edges`; ``name`` is what errors call the edges.
    """
    ends, weights, h, num_nodes, labels, offset, pos = parts
    h = as_mapping(h)
    check_constant(weights=weights, h=h, pos=pos, offset=offset)
    device = common_device(ends, weights=weights, h=h, pos=pos)
    ends, weight = ends.to(device), as_float_tensor(weights, "weights", dtype).to(device)
    dtype = weight.dtype
    if weight.dim() == 0:
        weight = weight.expand(ends.shape[1])
    if weight.shape != (ends.shape[1],):
        raise ValueError(f"weights must have shape ({ends.shape[1]},), one per edge, got {tuple(weight.shape)}")
    sites = None if labels is None else as_labels(labels)
    places, values = read_fields(h, sites, dtype)
    num_nodes = find_size(num_nodes, ends, sites, places, values)
    names = None if sites is None else tuple(sites)
    check_ends(ends, num_nodes, name, names)
    lower, upper = ends.min(dim=0).values, ends.max(dim=0).values
    key, order = torch.sort(lower * num_nodes + upper, stable=True)
    lower, upper, weight = merge((key, lower[order], upper[order], weight[order]), duplicates, name, names)
    h = spread_fields(places, values, num_nodes).to(device)
    offset = as_float_tensor([check_number(offset, "offset")], "offset", dtype).to(device)
    places = None if pos is None else read_places(pos, num_nodes, device)
    return Parts(torch.stack([lower, upper]), weight, h, num_nodes, names, offset, places)


def read_places(pos: Any, num_nodes: int, device: torch.device) -> Tensor:
    """Places of all sites, shape (N, d), a copy."""
    pos = as_float_tensor(pos, "pos")
    if pos.dim() != 2 or pos.shape[0] != num_nodes:
        raise ValueError(f"pos must have shape ({num_nodes}, d), got {tuple(pos.shape)}")
    return pos.to(device, copy=True)


def as_float64(values: Tensor) -> Any:
    """Numbers of a graph as others take them."""
    return values.detach().cpu().double().numpy()


def check_constant(**given: Any) -> None:
    """Refuse numbers that ask for a gradient: products of sparse matrices give wrong ones, or none."""
    for name, value in given.items():
        if isinstance(value, Tensor) and value.requires_grad:
            raise ValueError(
                f"{name} must not require a gradient, as the numbers of a graph are constants; pass {name}.detach()"
            )


def common_device(ends: Tensor, name: str = "edge_index", **given: Any) -> torch.device:
    """Where all tensors of more than one number are, if they are in one place; lists and numbers go there.

    ``name`` is what errors call ``ends``.
    """
    devices = {name: value.device for name, value in given.items() if isinstance(value, Tensor) and value.dim()}
    if ends.device.type != "cpu" or not devices:  # on the CPU they may have been a list
        devices[name] = ends.device
    if len(set(devices.values())) > 1:
        where = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise ValueError(f"{name}, {', '.join(given)} must be on one device, got {where}")
    device = next(iter(devices.values()))
    if device.type == "meta":
        raise ValueError(f"{name}, {', '.join(given)} must hold numbers, got tensors on the meta device")
    return device


def read_fields(h: Any, sites: dict[Hashable, int] | None, dtype: torch.dtype) -> tuple[Tensor | None, Tensor]:
    """Sites and values of the fields of a mapping; else no sites and what was given, as a tensor."""
    if not isinstance(h, Mapping):
        return None, as_float_tensor(0.0 if h is None else h, "h", dtype)
    numbers = site_numbers(h, "h") if sites is None else look_up(h, sites, "h")
    if numbers is None:
        raise ValueError(f"h must have sites 0…N-1 as keys where the graph has no labels, got {list(h)[:4]!r}")
    values = as_float_tensor(list(h.values()), "h", dtype)
    if values.dim() != 1:
        raise ValueError(f"h must have one number per site, got values of shape {tuple(values.shape[1:])}")
    return torch.as_tensor(numbers), values


def find_size(
    num_nodes: int | None, ends: Tensor, sites: dict[Hashable, int] | None, places: Tensor | None, values: Tensor
) -> int:
    """N, from what says it."""
    named = torch.cat([ends.flatten(), ends.new_tensor([]) if places is None else places.to(ends)])
    if num_nodes is not None:
        num_nodes = check_count(num_nodes, "num_nodes")
    elif sites is not None:
        num_nodes = len(sites)
    elif places is None and values.dim() == 1:
        num_nodes = values.shape[0]
    elif named.numel():
        num_nodes = int(named.max()) + 1
    else:
        raise ValueError("num_nodes must be given when there are no edges and no fields")
    num_nodes = check_count(num_nodes, "num_nodes")
    if num_nodes > MAX_SPINS:
        raise ValueError(f"num_nodes must be at most {MAX_SPINS}, got {num_nodes}")
    if sites is not None and len(sites) != num_nodes:
        raise ValueError(f"num_nodes must be the number of labels, {len(sites)}, got {num_nodes}")
    return num_nodes


def spread_fields(places: Tensor | None, values: Tensor, num_nodes: int) -> Tensor:
    """Fields of all sites, shape (N,), a copy."""
    if places is not None:
        if places.numel() and int(places.max()) >= num_nodes:
            raise ValueError(f"h must have sites 0…{num_nodes - 1} as keys, got {int(places.max())}")
        return values.new_zeros(num_nodes).index_copy_(0, places, values)
    if values.dim() == 0:
        values = values.expand(num_nodes)
    if values.shape != (num_nodes,):
        raise ValueError(f"h must have shape ({num_nodes},), one per spin, got {tuple(values.shape)}")
    return values.clone(memory_format=torch.contiguous_format)
