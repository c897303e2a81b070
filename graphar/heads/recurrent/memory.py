"""Which earlier spins a recurrent head hears: the memory DAG, made from order and graph.

For every layer and rank a row of slots holds ranks of earlier spins, or −1 where a slot is empty:

- ``"chain"``: the spin before, i − 1;
- ``"dilated"``: in layer l = 1, 2, … the spin 2^(l−1) before;
- ``"grid"``: a slot for each axis of the lattice: of the two nearest sites on the line along it through i, one on
  either side, the one drawn last, if any was drawn;
- ``"graph"``: the k last drawn of its earlier neighbours, the latest first; slots left over go to the latest of the
  rest of its separator.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.ordering.lattice import lattice

__all__ = ["MEMORIES", "arrivals_of", "levels_of", "make_slots"]

MEMORIES = ("chain", "grid", "dilated", "graph")


def make_slots(frontier: Frontier, memory: str, layers: int, count: int) -> Tensor:
    """Ranks that each rank hears in each layer, −1 for none, (layers, N, slots); ``count`` is that of ``"graph"``."""
    n = frontier.num_spins
    ranks = torch.arange(n)
    if memory == "grid":
        slots = _grid(frontier)
    elif memory == "graph":
        slots = _graph(frontier, count)
    else:
        reach = [2**layer if memory == "dilated" else 1 for layer in range(layers)]
        return torch.stack([torch.where(ranks >= r, ranks - r, -1) for r in reach])[..., None]
    return slots.expand(layers, -1, -1).contiguous()


def _grid(frontier: Frontier) -> Tensor:
    n = frontier.num_spins
    place = lattice(frontier.graph)[frontier.ordering.sites.numpy()]
    slots = np.full((n, place.shape[1]), -1)
    for axis in range(place.shape[1]):
        line = np.delete(place, axis, axis=1)
        along = np.lexsort((place[:, axis], *line.T))  # line after line, each from end to end
        same = (line[along[1:]] == line[along[:-1]]).all(1)
        one, other = along[:-1][same], along[1:][same]
        for near, rank in ((one, other), (other, one)):
            drawn = near < rank
            slots[rank[drawn], axis] = np.maximum(slots[rank[drawn], axis], near[drawn])
    return torch.from_numpy(slots)


def _graph(frontier: Frontier, count: int) -> Tensor:
    n = frontier.num_spins
    own = _earlier_neighbours(frontier)
    ptr = frontier.parents_ptr
    parents = frontier.parents_spin.long(), torch.repeat_interleave(torch.arange(n), ptr.diff())
    heard = torch.cat([own[0], parents[0]])
    hears = torch.cat([own[1], parents[1]])
    behind = torch.cat([torch.zeros_like(own[0]), torch.ones_like(parents[0])])  # the rest comes after neighbours
    _, first = np.unique((hears * n + heard).numpy(), return_index=True)  # neighbours are found first
    reader, spin, last = hears.numpy()[first], heard.numpy()[first], behind.numpy()[first]
    order = np.lexsort((-spin, last, reader))
    reader, spin = reader[order], spin[order]
    slot = np.arange(reader.size) - np.searchsorted(reader, np.arange(n))[reader]
    slots = np.full((n, count), -1)
    kept = slot < count
    slots[reader[kept], slot[kept]] = spin[kept]
    return torch.from_numpy(slots)


def levels_of(frontier: Frontier, slots: Tensor) -> Tensor:
    """Longest path in the memory DAG together with the couplings, which ξ_ii waits for, (N,)."""
    from graphar.ordering.compiled.elimination_tree import longest_path

    layers, n, count = slots.shape
    hears = torch.arange(n)[None, :, None].expand(layers, n, count)[slots >= 0]
    near = _earlier_neighbours(frontier)
    source, target = torch.cat([slots[slots >= 0], near[0]]), torch.cat([hears, near[1]])
    order = target.argsort(stable=True)
    ptr = torch.zeros(n + 1, dtype=torch.int64)
    ptr[1:] = torch.bincount(target, minlength=n).cumsum(0)
    return torch.from_numpy(longest_path(ptr.numpy(), source[order].int().numpy()))


def arrivals_of(frontier: Frontier, slots: Tensor) -> Tensor:
    """The arrival that carries the coupling between a rank and what a slot of it holds, −1 without one; as slots."""
    n = frontier.num_spins
    which, source, target = frontier.edges
    key = target * n + source  # rising
    if not key.numel():
        return torch.full_like(slots, -1)
    wanted = torch.arange(n)[:, None] * n + slots
    at = torch.searchsorted(key, wanted).clamp(max=key.numel() - 1)
    return torch.where((slots >= 0) & (key[at] == wanted), which[at], -1)


def _earlier_neighbours(frontier: Frontier) -> tuple[Tensor, Tensor]:
    """Ranks j < i of neighbours, also by an interaction of more than two: those of j, and those of i, rising."""
    ptr, near, _ = frontier.neighbours
    reader = np.repeat(np.arange(frontier.num_spins), np.diff(ptr))
    earlier = near < reader
    return torch.from_numpy(near[earlier].astype(np.int64)), torch.from_numpy(reader[earlier])
