r"""Interactions of many spins as pairs, with ancillas: the same energies once the ancillas are at their best.

For spins u, v, t let :math:`g = \min_w (u + v + t - 1 - 2w)^2 / 4` over an ancilla w = ±1. The sum u + v + t is 3 or −1
where uvt = 1, and g = 0; it is 1 or −3 where uvt = −1, and g = 1. As the square holds pairs alone,

.. math:: -J\,u v t = -|J| + 2|J| \min_w (u + v + s t - 1 - 2w)^2 / 4,   \quad s = \mathrm{sgn} J.

More spins are a chain of such triples, z_1 = x_1 x_2, z_2 = z_1 x_3, …, the last of which holds x_{k−1} and s x_k.
Given x and z, the triples with uvt = −1 are odd in number where s Π x = −1 and even where it is +1; each costs at least
2|J|, the last one 2|J| itself, so the least over z is 2|J| or 0: −J Π x without the constant, whatever x.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import check_positive, check_spins
from graphar.hamiltonians.interactions import HyperParts, by_order
from graphar.hamiltonians.ising import IsingGraph

__all__ = ["PairwiseReduction", "reduce_to_pairs"]


@dataclass(frozen=True, eq=False)
class PairwiseReduction:
    """Pairs that stand for interactions of many; made by :meth:`graphar.SpinHypergraph.to_pairwise`.

    Attributes:
        graph: the :class:`graphar.IsingGraph` on N spins and then the ancillas; where the hypergraph has labels,
            ancillas are called ``("ancilla", 0)``, ….
        num_spins: N.
        triples: spins u, v, t and ancilla w of each triple, shape (T, 4); a chain's from its beginning.
        signs: s of each triple, ±1, shape (T,).
        links: whether t is an ancilla that the triple sets to uv, shape (T,).
    """

    graph: IsingGraph
    num_spins: int
    triples: Tensor = field(repr=False)
    signs: Tensor = field(repr=False)
    links: Tensor = field(repr=False)

    @property
    def num_ancillas(self) -> int:
        """Spins added."""
        return self.graph.num_spins - self.num_spins

    def decode(self, spins: Any) -> Tensor:
        """The first N spins of configurations (..., N + ancillas): those of the hypergraph."""
        return check_spins(spins, self.graph.num_spins)[..., : self.num_spins]

    def encode(self, spins: Any) -> Tensor:
        """Configurations (..., N) with their best ancillas, (..., N + ancillas), int8: of the same energy."""
        x = check_spins(spins, self.num_spins)
        full = x.new_ones(*x.shape[:-1], self.graph.num_spins, dtype=torch.int8)
        full[..., : self.num_spins] = x
        rows = full.reshape(-1, self.graph.num_spins)
        for (u, v, t, w), s, link in zip(
            self.triples.tolist(), self.signs.tolist(), self.links.tolist(), strict=True
        ):  # a link follows those that set its spins
            if link:
                rows[:, t] = rows[:, u] * rows[:, v]
            rows[:, w] = torch.where(rows[:, u] + rows[:, v] + int(s) * rows[:, t] > 0, 1, -1).to(torch.int8)
        return rows.reshape(full.shape)


def reduce_to_pairs(parts: HyperParts, penalty: float | None) -> PairwiseReduction:
    """Pairs and ancillas, from sorted parts; else as :meth:`graphar.SpinHypergraph.to_pairwise`."""
    site, orders, J = parts.sites, parts.orders, parts.couplings
    n = len(parts.fields)
    longest = J[orders > 3].abs().max().item() if bool((orders > 3).any()) else 0.0
    if penalty is not None and check_positive(penalty, "penalty") < 2 * longest:
        raise ValueError(
            f"penalty must be at least 2|J| of interactions of four sites and more, got {penalty} < {2 * longest}"
        )
    next_ancilla, columns = n, list[tuple[Tensor, Tensor, Tensor, Tensor]]()
    pairs, weights = [site.new_empty(2, 0)], [J[:0]]
    for k, which, where in by_order(orders):
        rows, strength = site[where], J[which]
        if k == 2:
            pairs.append(rows.T)
            weights.append(strength)
            continue
        ancillas = next_ancilla + torch.arange(len(rows) * (2 * k - 5), device=site.device).reshape(len(rows), -1)
        next_ancilla += ancillas.numel()
        z, w = ancillas[:, : k - 3], ancillas[:, k - 3 :]
        first = torch.cat([rows[:, :1], z], dim=1)  # u of each triple
        last = torch.cat([z, rows[:, -1:]], dim=1)  # t
        link = (torch.arange(k - 2, device=site.device) < k - 3).expand(len(rows), -1)
        sign = torch.where(link, 1.0, torch.where(strength < 0, -1.0, 1.0)[:, None]).to(J)
        cost = (2 * strength.abs()[:, None]).expand_as(sign)
        if penalty is not None:
            cost = torch.where(link, cost.new_tensor(penalty), cost)
        quads = torch.stack([first, rows[:, 1:-1], last, w], dim=-1).reshape(-1, 4)
        columns.append((quads, sign.flatten(), link.flatten(), cost.flatten()))
    none = (site.new_empty(0, 4), J[:0], site.new_empty(0, dtype=torch.bool), J[:0])
    quads, sign, link, cost = (torch.cat(part) for part in zip(none, *columns, strict=True))
    return PairwiseReduction(
        _assemble(parts, next_ancilla, torch.cat(pairs, 1), torch.cat(weights), quads, sign, cost),
        n,
        quads,
        sign,
        link,
    )


def _assemble(
    parts: HyperParts,
    size: int,
    pairs: Tensor,
    weights: Tensor,
    quads: Tensor,
    sign: Tensor,
    cost: Tensor,
) -> IsingGraph:
    """Pairs and fields with, for each triple, its cost times (u + v + st − 1 − 2w)²/4.

    Expanded, this is 2 + (uv + sut + svt)/2 − (u + v + st)/2 − w(u + v + st) + w.
    """
    u, v, t, w = quads.T
    half, signed = cost / 2, sign * cost
    ends = torch.cat([torch.stack(pair) for pair in ((u, v), (u, t), (v, t), (u, w), (v, w), (t, w))], dim=1)
    couplings = torch.cat([-half, -signed / 2, -signed / 2, cost, cost, signed])
    h = torch.cat([parts.fields, parts.fields.new_zeros(size - len(parts.fields))])
    for spin, pull in ((u, half), (v, half), (t, signed / 2), (w, -cost)):
        h.index_add_(0, spin, pull)
    offset = parts.offset - parts.couplings[parts.orders > 2].double().abs().sum().item()
    labels: list[Hashable] | None = None
    if parts.labels is not None:
        labels = [*parts.labels, *(("ancilla", k) for k in range(size - len(parts.labels)))]
    return IsingGraph.from_edges(
        torch.cat([pairs, ends], dim=1),
        torch.cat([weights, couplings]),
        h,
        size,
        labels=labels,
        offset=offset + 2 * cost.double().sum().item(),
        duplicates="sum",
    )
