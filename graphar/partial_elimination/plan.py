r"""What is left to learn when narrow spins are summed out exactly.

A site is **exact** when it and all its descendants in the elimination tree have separators of at most ``exact_width``
spins: its conditional comes from variable elimination. The other sites are the **core**. Summed out, the exact sites
leave tables T_o on separators in the core, so the core's distribution is

.. math:: p(x) ∝ \exp\Big[\sum_{ij} K_{ij} x_i x_j + \sum_i k_i x_i + \sum_o R_o(x_{P(o)})\Big],

K and k being βJ and βh plus the pair and one-body Walsh coefficients of the tables, R_o what is left of each. Heads
see the couplings K/β and fields k/β on a graph of their own; R enters their training through the energy. Since the
exact spins follow their Boltzmann conditionals,

.. math:: E[\log q + βE \,|\, \text{core}] = \log q(\text{core}) - \log \sum_\text{exact} e^{-βE}

needs no sample of them (Rao–Blackwell). The tables depend on β alone, not on weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphar._description import format_bytes
from graphar._support.checks import check_count
from graphar.elimination.cost import predict
from graphar.elimination.tables import Eliminator
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.ordering import Ordering, min_degree, rcm
from graphar.partial_elimination.tables import CoreTables, remove_low_orders

__all__ = ["Core", "auto_core_first", "choose_width", "core_first", "exact_ranks", "predict_tables"]

CORE_FIRST = "core of width "
MAX_WIDTH = 30  # codes of a table are 32-bit integers
SMALL = 5_000  # sites up to which a description makes the order of every width


def exact_ranks(frontier: Frontier, width: int) -> Tensor:
    """Mask of the ranks that are exact at this width, with all their descendants, shape (N,)."""
    from graphar.ordering.compiled import elimination_tree as _symbolic

    return torch.from_numpy(_symbolic.closed_below(frontier.parent.numpy(), (frontier.num_parents <= width).numpy()))


def predict_tables(frontier: Frontier, exact: Tensor) -> tuple[float, float]:
    """Bytes and seconds that the tables of exact ranks, a mask (N,), will take at each β."""
    held, seconds = predict(frontier, exact)
    above = frontier.parent.clamp(min=0)
    left = frontier.num_parents[exact & (frontier.parent >= 0) & ~exact[above]].double()
    return held + 8 * 8 * float(torch.exp2(left.clamp(max=1000)).sum()), seconds  # transforms of those left to the core


def choose_width(frontier: Frontier, memory: float) -> int:
    """Least ``exact_width`` of those with most exact sites whose tables are predicted to fit in so many bytes."""
    best, most = 0, 0
    for width in range(1, min(max(1, frontier.width), MAX_WIDTH) + 1):
        exact = exact_ranks(frontier, width)
        if predict_tables(frontier, exact)[0] > memory:
            break
        if int(exact.sum()) > most:
            best, most = width, int(exact.sum())
    return best


def auto_core_first(graph: IsingGraph, memory: float) -> tuple[Ordering | None, int]:
    """:func:`core_first` at the largest width whose tables fit in so many bytes, and the width; none at width 0."""
    width = choose_width(build_frontier(min_degree(graph)), memory)
    while width:
        # reordering the core can make more of its sites exact than minimum degree had
        ordering = core_first(graph, width)
        frontier = build_frontier(ordering)
        if predict_tables(frontier, exact_ranks(frontier, width))[0] <= memory:
            return ordering, width
        width -= 1
    return None, 0


def core_first(graph: IsingGraph, width: int) -> Ordering:
    """The core, in reverse Cuthill–McKee order of its own graph, then the exact sites of minimum degree in reverse.

    Args:
        graph: couplings and fields.
        width: largest separator of an exact site, the ``exact_width`` of a model; 0 makes isolated sites exact.

    >>> import graphar as ga
    >>> len(core_first(ga.grid((3, 3)), width=2))
    9
    """
    width = check_count(width, "width", 0)
    frontier = build_frontier(min_degree(graph))
    exact = exact_ranks(frontier, width)
    edges, _ = _core_edges(frontier, exact)
    kept = (~exact).nonzero()[:, 0]
    skeleton = IsingGraph.from_edges(edges, torch.ones(edges.shape[1]), num_nodes=len(kept)) if len(kept) else None
    first = kept[rcm(skeleton).sites] if skeleton is not None else kept
    sites = frontier.ordering.sites[torch.cat([first, exact.nonzero()[:, 0]])]
    return Ordering(graph, sites, f"{CORE_FIRST}{width}")


def _core_edges(frontier: Frontier, exact: Tensor) -> tuple[Tensor, np.ndarray]:
    """Edges between ranks kept, in their own numbering and sorted by (later, earlier), and the keys they sort by.

    They are the graph's own and those that join the separators of the tables left by exact ranks.
    """
    number = torch.cumsum(~exact, 0) - 1
    size = int((~exact).sum())
    source, target = frontier.arrival_source, frontier.arrival_target
    own = ~exact[target]  # a neighbour drawn before one kept is kept
    keys = [(number[target[own]] * size + number[source[own]]).numpy()]
    for _, parents in _outgoing(frontier, exact):
        members = number[parents]
        low, high = torch.triu_indices(parents.shape[1], parents.shape[1], offset=1)
        keys.append((members[:, high] * size + members[:, low]).flatten().numpy())
    key = np.unique(np.concatenate(keys))
    return torch.from_numpy(np.stack([key % max(1, size), key // max(1, size)])), key


def _outgoing(frontier: Frontier, exact: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Exact ranks whose tree parent is kept, and their parents, (m, width), for each width from 1 on."""
    parent = frontier.parent
    leaves = exact & (parent >= 0) & ~exact[parent.clamp(min=0)]
    groups = []
    for width in frontier.num_parents[leaves].unique().tolist():
        ranks = (leaves & (frontier.num_parents == width)).nonzero()[:, 0]
        at = frontier.parents_ptr[ranks][:, None] + torch.arange(width)
        groups.append((ranks, frontier.parents_spin[at].long()))
    return groups


@dataclass(frozen=True)
class _Outgoing:
    """Tables of one width that exact ranks leave to the core."""

    parents: Tensor  # core numbers, (m, width)
    first: Tensor  # where each table starts in the eliminator's buffer, (m,)
    pairs: Tensor  # core edges of the pairs of parents, (m, width (width − 1)/2)


class Core:
    """The core of an ordering at a width, and the plan to sum out the rest.

    Args:
        ordering: of the whole graph.
        width: largest separator of an exact site.
        memory: bytes that the tables may take.

    Attributes:
        sites: of the core, by rank.
        graph: its own graph, numbered by rank, with the edges of K and the original couplings and fields, or None where
            it has no sites.
        frontier: of the whole ordering.
        weights: the original couplings, zero on other edges of K, by (later, earlier) end.
    """

    def __init__(self, ordering: Ordering, width: int, memory: float) -> None:
        self.frontier = build_frontier(ordering)
        self.width = width
        self.exact = exact_ranks(self.frontier, width)
        needed, seconds = predict_tables(self.frontier, self.exact)
        if needed > memory or int(torch.where(self.exact, self.frontier.num_parents, 0).max()) > MAX_WIDTH:
            raise ValueError(
                f"exact_width must leave tables of at most memory={memory / 1e9:.3g} GB, got {width}, which needs "
                f"{needed / 1e9:.3g} GB and about {seconds:.2g} s for each β under {ordering.name} order"
            )
        self.ranks = (~self.exact).nonzero()[:, 0]
        self.exact_ranks = self.exact.nonzero()[:, 0]
        self.sites = ordering.sites[self.ranks]
        self.eliminator = Eliminator(self.frontier, self.exact, torch.device("cpu"))
        edges, key = _core_edges(self.frontier, self.exact)
        number, size = torch.cumsum(~self.exact, 0) - 1, self.num_spins
        own = ~self.exact[self.frontier.arrival_target]
        source, target = self.frontier.arrival_source[own], self.frontier.arrival_target[own]
        self._own_arrivals = own.nonzero()[:, 0]
        self._own_edges = _find(key, number[target] * size + number[source])
        self.weights = torch.zeros(len(key), dtype=torch.float64)
        self.weights[self._own_edges] = self.frontier.arrival_weight.double().cpu()[self._own_arrivals]
        h = ordering.graph.h.double().cpu()[self.sites]
        self.graph = IsingGraph.from_edges(edges, self.weights, h, size) if size else None
        self.outgoing = []
        for ranks, parents in _outgoing(self.frontier, self.exact):
            members, bits = number[parents], parents.shape[1]
            low, high = torch.triu_indices(bits, bits, offset=1)
            pairs = _find(key, members[:, high] * size + members[:, low])
            self.outgoing.append(_Outgoing(members, self.eliminator.offset[ranks], pairs))

    @property
    def num_spins(self) -> int:
        """Sites in the core."""
        return self.ranks.numel()

    def describe(self) -> str:
        """For some widths: sites that are exact and learned, and what their tables take.

        Each width under its own :func:`core_first` where the ordering is one, else under the ordering as it is; of
        large graphs, under minimum degree, which may find fewer exact sites.
        """
        ordering = self.frontier.ordering
        ours = ordering.name.startswith(CORE_FIRST)
        general = build_frontier(min_degree(ordering.graph)) if ours else self.frontier
        widths = {w for w in (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, general.width) if w <= min(general.width, 24)}
        lines = [
            f"{ordering.name}: {self.exact_ranks.numel():,} exact sites, {self.num_spins:,} learned",
            f"  {'exact_width':>12}{'exact':>10}{'learned':>10}{'tables':>12}{'time per β':>14}",
        ]
        for width in sorted(widths | {self.width}):
            frontier = general
            if width == self.width:
                frontier = self.frontier
            elif ours and width and len(ordering) <= SMALL:
                frontier = build_frontier(core_first(self.frontier.graph, width))
            exact = exact_ranks(frontier, width) if width else torch.zeros_like(self.exact)
            needed, seconds = predict_tables(frontier, exact) if width else (0.0, 0.0)
            count = int(exact.sum())
            lines.append(
                f"{'>' if width == self.width else ' ':>2}{width:>12}{count:>10,}{len(exact) - count:>10,}"
                f"{format_bytes(needed):>12}{seconds:>12.3g} s"
            )
        return "\n".join(lines)

    def tables(self, beta: float) -> CoreTables:
        """Conditionals of the exact sites, and what they leave to the core, at one β; float64."""
        graph = self.frontier.graph
        K = beta * self.frontier.arrival_weight.double().cpu()
        k = beta * graph.h.double().cpu()[self.frontier.ordering.sites]
        odds, sums = (part[0] for part in self.eliminator.sum_out(K[None], k[None]))
        if not bool(torch.isfinite(odds).all()):
            raise ValueError(f"beta times couplings and fields must stay finite in float64, got beta = {beta:g}")
        coupling = torch.zeros_like(self.weights)
        coupling[self._own_edges] = K[self._own_arrivals]
        field = k[self.ranks]
        rests = []
        for group in self.outgoing:
            entries = group.first[:, None] + torch.arange(2 ** group.parents.shape[1])
            rest, by_pair, by_spin = remove_low_orders(sums[entries])
            coupling.index_add_(0, group.pairs.flatten(), by_pair.flatten())
            field.index_add_(0, group.parents.flatten(), by_spin.flatten())
            rests.append(rest)
        roots = self.eliminator.outgoing[self.frontier.num_parents[self.eliminator.outgoing] == 0]
        constant = float(sums[self.eliminator.offset[roots]].sum())
        return CoreTables(self, beta, odds, coupling, field, rests, constant)


def _find(key: np.ndarray, wanted: Tensor) -> Tensor:
    return torch.from_numpy(np.searchsorted(key, wanted.numpy()))
