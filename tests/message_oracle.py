"""Belief propagation by its schedule, in loops over spins and dictionaries of messages, as the documentation has it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

import graphar as ga
from graphar.heads import MessagePassing

__all__ = ["logits_by_loops"]


def logits_by_loops(ordering: ga.Ordering, head: MessagePassing, beta: float, spins: Tensor) -> Tensor:
    """Logits of all sites of given spins (batch, N), drawn depth first in the elimination tree."""
    graph, frontier = ordering.graph, ga.build_frontier(ordering)
    coupling = {(int(i), int(j)): float(J) for (i, j), J in zip(graph.edge_index.T, graph.edge_weight, strict=True)}
    near: dict[int, list[int]] = {site: [] for site in range(graph.num_spins)}
    for i, j in coupling:
        near[i].append(j)
    sites, parent = ordering.sites.tolist(), frontier.parent.tolist()
    children: dict[int, list[int]] = {}
    for rank, its in enumerate(parent):
        children.setdefault(its, []).append(rank)

    def below(rank: int) -> list[int]:
        """Sites of a subtree, depth first."""
        return [sites[rank]] + [site for child in children.get(rank, []) for site in below(child)]

    u: dict[tuple[int, int], Tensor] = {edge: torch.zeros(len(spins), dtype=torch.float64) for edge in coupling}
    undrawn = set(range(graph.num_spins))
    logits = torch.empty(spins.shape, dtype=torch.float64)

    def field(k: int, without: int | None = None) -> Tensor:
        drawn = [coupling[k, j] * spins[:, j] for j in near[k] if j not in undrawn]
        s = beta * (graph.h[k] + sum(drawn, torch.zeros(len(spins), dtype=torch.float64)))
        return s + sum(u[m, k] for m in near[k] if m in undrawn and m != without)

    def sent(k: int, to: int) -> Tensor:
        return torch.atanh(math.tanh(beta * coupling[k, to]) * torch.tanh(field(k, to)))

    def sweeps(members: list[int]) -> None:
        for number in range(head.rounds):
            for k in members[:: -1 if number % 2 else 1]:
                for to in near[k]:
                    if to in undrawn:
                        u[k, to] = sent(k, to)

    def passes(i: int) -> None:
        shells = [[i]]
        while shells[-1] and len(shells) <= head.radius + 1:
            seen = {k for shell in shells for k in shell}
            shells.append(sorted({m for k in shells[-1] for m in near[k] if m in undrawn} - seen))

        def renew(first: list[int], second: list[int]) -> None:
            new = {(k, to): sent(k, to) for k in first for to in near[k] if to in second}
            u.update(new)

        inner = range(1, min(head.radius, len(shells) - 1) + 1)
        for d in inner:
            renew(shells[d], shells[d])
            if d + 1 < len(shells):
                renew(shells[d], shells[d + 1])
        if head.refresh == "return":
            for d in reversed(inner):
                renew(shells[d], shells[d])
                if d > 1:
                    renew(shells[d], shells[d - 1])

    def draw(rank: int) -> None:
        members = below(rank)
        if parent[rank] < 0:
            sweeps(members)
        i = sites[rank]
        logits[:, i] = 2 * field(i)
        undrawn.discard(i)
        if head.refresh == "full":
            sweeps(members[1:])
        else:
            passes(i)
        for child in children.get(rank, []):
            draw(child)

    for root in children[-1]:
        draw(root)
    return logits
