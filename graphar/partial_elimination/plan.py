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

import torch
from torch import Tensor

from graphar._support.words import format_bytes
from graphar.elimination.tables import Eliminator
from graphar.elimination.terms import Terms
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.ordering import min_degree
from graphar.partial_elimination.order import (
    MAX_WIDTH,
    core_first,
    exact_ranks,
    predict_tables,
    whole_interactions,
)
from graphar.partial_elimination.own_graph import own_graph

__all__ = ["Core"]

MAX_SITES_DESCRIBED = 5_000  # up to which a description makes the order of every width


class Core:
    """The core of an ordering at a width, and the plan to sum out the rest.

    Args:
        frontier: of the whole graph.
        width: largest separator of an exact site.
        memory: bytes that the tables may take.

    Attributes:
        sites: of the core, by rank.
        graph: its own graph, numbered by rank, with the edges of K and the original couplings and fields, or None where
            it has no sites.
        weights: the original couplings, zero on other edges of K, as :class:`OwnGraph` has them.
        own, own_arrivals: which of these are original, and the arrivals of their couplings.
        term_arrivals: of the couplings of more than two spins that end in exact sites.
        outgoing: what tables leave to the core, and where each table starts in the eliminator's buffer.
    """

    def __init__(self, frontier: Frontier, width: int, memory: float) -> None:
        ordering = frontier.ordering
        self.frontier = frontier
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
        members, orders, self.term_arrivals = whole_interactions(self.frontier, self.exact)
        terms = Terms(ordering.sites[members], orders)
        self.eliminator = Eliminator(self.frontier, self.exact, torch.device("cpu"), terms)
        self.graph, self.weights, self.own, self.own_arrivals, outgoing = own_graph(self.frontier, self.exact)
        self.outgoing = [(tables, self.eliminator.offset[tables.ranks]) for tables in outgoing]

    def by_arrival(self, frontier: Frontier, couplings: Tensor) -> Tensor:
        """Couplings as :attr:`weights` by arrival of a frontier of the core's own graph in order of its ranks."""
        return couplings if isinstance(self.graph, IsingGraph) else frontier.couplings_by_arrival(couplings)

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
        ours = ordering == core_first(self.frontier.graph, self.width)
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
            elif ours and width and len(ordering) <= MAX_SITES_DESCRIBED:
                frontier = build_frontier(core_first(self.frontier.graph, width))
            exact = exact_ranks(frontier, width) if width else torch.zeros_like(self.exact)
            needed, seconds = predict_tables(frontier, exact) if width else (0.0, 0.0)
            count = int(exact.sum())
            lines.append(
                f"{'>' if width == self.width else ' ':>2}{width:>12}{count:>10,}{len(exact) - count:>10,}"
                f"{format_bytes(needed):>12}{seconds:>12.3g} s"
            )
        return "\n".join(lines)
