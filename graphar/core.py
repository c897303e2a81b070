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
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from graphar._description import format_bytes
from graphar.exact._cost import predict
from graphar.exact._tables import Eliminator
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.kernels.base import Sampled
from graphar.ordering import Ordering, min_degree, rcm

__all__ = ["Core", "CoreSampled", "CoreTables", "auto_core_first", "choose_width", "core_first", "exact_ranks"]


def exact_ranks(frontier: Frontier, width: int) -> Tensor:
    """Mask of the ranks that are exact at this width, with all their descendants, shape (N,)."""
    from graphar import _symbolic

    return torch.from_numpy(_symbolic.closed_below(frontier.parent.numpy(), (frontier.num_parents <= width).numpy()))


def choose_width(frontier: Frontier, memory: float) -> int:
    """Largest ``exact_width`` whose tables are predicted to fit in so many bytes."""
    width = 0
    while width < frontier.width and predict(frontier, exact_ranks(frontier, width + 1))[0] <= memory:
        width += 1
    return width


def auto_core_first(graph: IsingGraph, memory: float) -> tuple[Ordering | None, int]:
    """:func:`core_first` at the largest width whose tables fit in so many bytes, and the width; none at width 0."""
    width = choose_width(build_frontier(min_degree(graph)), memory)
    while width:
        # reordering the core can make more of its sites exact than minimum degree had
        ordering = core_first(graph, width)
        frontier = build_frontier(ordering)
        if predict(frontier, exact_ranks(frontier, width))[0] <= memory:
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
    frontier = build_frontier(min_degree(graph))
    exact = exact_ranks(frontier, width)
    edges, _ = _core_edges(frontier, exact)
    kept = (~exact).nonzero()[:, 0]
    skeleton = IsingGraph.from_edges(edges, torch.ones(edges.shape[1]), num_nodes=len(kept)) if len(kept) else None
    first = kept[rcm(skeleton).sites] if skeleton is not None else kept
    sites = frontier.ordering.sites[torch.cat([first, exact.nonzero()[:, 0]])]
    return Ordering(graph, sites, f"core of width {width}")


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
    entries: Tensor  # where each table is in the eliminator's buffer, (m, 2^width)
    pairs: Tensor  # core edges of the pairs of parents, (m, width (width − 1)/2)


class Core:
    """The core of an ordering at a width, and the plan to sum out the rest.

    Args:
        ordering: of the whole graph.
        width: largest separator of an exact site.
        memory: bytes that the tables may take.

    Attributes:
        sites: of the core, by rank.
        graph: its own graph, numbered by rank, with the edges of K and the original couplings, or None without sites.
        frontier: of the whole ordering.
        weights: the original couplings, zero on other edges of K, by (later, earlier) end.
    """

    def __init__(self, ordering: Ordering, width: int, memory: float) -> None:
        self.frontier = build_frontier(ordering)
        self.width = width
        self.exact = exact_ranks(self.frontier, width)
        needed, seconds = predict(self.frontier, self.exact)
        if needed > memory:
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
        self.graph = IsingGraph.from_edges(edges, self.weights, num_nodes=size) if size else None
        self._outgoing = []
        for ranks, parents in _outgoing(self.frontier, self.exact):
            members, bits = number[parents], parents.shape[1]
            low, high = torch.triu_indices(bits, bits, offset=1)
            pairs = _find(key, members[:, high] * size + members[:, low])
            entries = self.eliminator.offset[ranks][:, None] + torch.arange(2**bits)
            self._outgoing.append(_Outgoing(members, entries, pairs))

    @property
    def num_spins(self) -> int:
        """Sites in the core."""
        return self.ranks.numel()

    def describe(self) -> str:
        """For some widths: sites that are exact and learned, and what their tables take, under this ordering."""
        full = self.frontier.width
        widths = sorted({w for w in (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, self.width, full) if w <= max(full, 1)})
        lines = [
            f"{self.frontier.ordering.name}: {self.exact_ranks.numel():,} exact sites, {self.num_spins:,} learned",
            f"  {'exact_width':>12}{'exact':>10}{'learned':>10}{'tables':>12}{'time per β':>14}",
        ]
        for width in widths:
            exact = exact_ranks(self.frontier, width) if width else torch.zeros_like(self.exact)
            needed, seconds = predict(self.frontier, exact) if width else (0.0, 0.0)
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
        coupling = torch.zeros_like(self.weights)
        coupling[self._own_edges] = K[self._own_arrivals]
        field = k[self.ranks]
        rests = []
        for group in self._outgoing:
            rest, by_pair, by_spin = _remove_low_orders(sums[group.entries])
            coupling.index_add_(0, group.pairs.flatten(), by_pair.flatten())
            field.index_add_(0, group.parents.flatten(), by_spin.flatten())
            rests.append(rest)
        roots = self.eliminator.outgoing[self.frontier.num_parents[self.eliminator.outgoing] == 0]
        constant = float(sums[self.eliminator.offset[roots]].sum())
        return CoreTables(self, beta, odds, coupling, field, rests, constant)


def _find(key: np.ndarray, wanted: Tensor) -> Tensor:
    return torch.from_numpy(np.searchsorted(key, wanted.numpy()))


def _remove_low_orders(tables: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tables (m, 2^w) without their pair and one-body Walsh terms, and the coefficients of these."""
    bits = tables.shape[1].bit_length() - 1
    codes = torch.arange(2**bits)
    signs = torch.stack([(codes >> bit & 1) * 2.0 - 1.0 for bit in range(bits)]).to(tables)
    low, high = torch.triu_indices(bits, bits, offset=1)
    products = signs[low] * signs[high]
    by_spin, by_pair = tables @ signs.T / 2**bits, tables @ products.T / 2**bits
    return tables - by_spin @ signs - by_pair @ products, by_pair, by_spin


class CoreSampled:
    """A batch of core samples: log q of the core and the energy left to it; the exact spins are drawn on request.

    Attributes:
        log_prob: log q of the core, (batch,), float64.
        energy: −log Σ_exact e^{−βE}/β without the offset, (batch,), float64.
    """

    def __init__(self, tables: CoreTables, drawn: Sampled | None, key: int, first: int, count: int) -> None:
        self._tables, self._drawn, self._key, self._first, self._count = tables, drawn, key, first, count
        scale = 1 / tables.beta if tables.beta > 0 else 0.0
        if drawn is None:
            self.log_prob = torch.zeros(count, dtype=torch.float64)
            self.energy = torch.full((count,), -tables.constant * scale, dtype=torch.float64)
        else:
            high = tables.high_orders(drawn.rows.cpu(), drawn.places.cpu())[:count]
            self.log_prob, self.energy = drawn.log_prob, drawn.energy - scale * high.to(drawn.energy.device)

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _completed(self) -> tuple[Tensor, Tensor]:
        spins = torch.empty(self._count, 0) if self._drawn is None else self._drawn.spins.cpu()
        return self._tables.complete(spins, self._key, self._first)

    @property
    def spins(self) -> Tensor:
        """±1, shape (batch, N), site order."""
        return self._completed[0]

    @property
    def full_log_prob(self) -> Tensor:
        """log q of all spins, (batch,), float64."""
        return self.log_prob.detach().cpu() + self._completed[1]

    def configuration(self, sample: int) -> Tensor:
        """One sample, shape (N,)."""
        first = self._first + sample // 64 * 64  # random bits come for 64 samples at a time
        spins = torch.ones(64, self._tables.core.num_spins)
        if self._drawn is not None:
            spins[sample % 64] = self._drawn.configuration(sample).to("cpu", spins.dtype)
        return self._tables.complete(spins, self._key, first)[0][sample % 64]


class CoreTables:
    """The exact part of a model at one β.

    Attributes:
        coupling, field: K by edge of the core's graph, sorted by (later, earlier) end, and k by core number.
        constant: log-sums of components without core, Σ T at the roots.
    """

    def __init__(
        self,
        core: Core,
        beta: float,
        odds: Tensor,
        coupling: Tensor,
        field: Tensor,
        rests: list[Tensor],
        constant: float,
    ) -> None:
        self.core, self.beta, self.odds = core, beta, odds
        self.coupling, self.field, self.constant = coupling, field, constant
        self._rests = rests

    @cached_property
    def scaled(self) -> tuple[Tensor, Tensor]:
        """K/β by edge and k/β by core number; at β = 0 their limits, the couplings and fields themselves."""
        if self.beta > 0:
            return self.coupling / self.beta, self.field / self.beta
        return self.core.weights, self.core.frontier.graph.h.double().cpu()[self.core.sites]

    def high_orders(self, rows: Tensor, places: Tensor) -> Tensor:
        """Σ_o R_o(x_P(o)), and the constant, of core spins in blocks (blocks, n, width), float64, (blocks · width,).

        ``places`` is the row of each core number.
        """
        from graphar.kernels._numba_tables import add_tables
        from graphar.kernels._threads import numba_threads

        total = torch.full((rows.shape[0], rows.shape[2]), self.constant, dtype=torch.float64)
        with numba_threads():
            for group, rest in zip(self.core._outgoing, self._rests, strict=True):
                add_tables(rows.numpy(), places[group.parents].numpy(), rest.numpy(), total.numpy())
        return total.flatten()

    def complete(self, core_spins: Tensor, key: int, first: int) -> tuple[Tensor, Tensor]:
        """Spins (batch, N) from those of the core (batch, n) by core number, and log p of the exact ones given them.

        Sample s of the batch uses random bits of the stream ``key`` for sample ``first + s``, past the core's own.
        """
        core, count = self.core, len(core_spins)
        rows = torch.ones(-(-count // 64), core.frontier.num_spins, 64, dtype=torch.float64)
        padded = pad(core_spins.double(), (0, 0, 0, rows.shape[0] * 64 - count))
        rows[:, core.ranks] = padded.view(rows.shape[0], 64, core.num_spins).transpose(1, 2)
        log_prob, _ = self._walk(rows, (key, first), False)
        spins = rows.transpose(1, 2).flatten(0, 1)[:count].index_select(1, core.frontier.ordering.ranks)
        return spins.to(core_spins.dtype), log_prob[:count]

    def log_prob(self, spins: Tensor) -> Tensor:
        """log p of the exact spins of configurations (batch, N) given their core, float64, (batch,)."""
        return self._walk(self._rows(spins), None, False)[0][: len(spins)]

    def logits(self, spins: Tensor) -> Tensor:
        """Logits of the exact sites of configurations (batch, N), zero for the core, (batch, N)."""
        logits = self._walk(self._rows(spins), None, True)[1].transpose(1, 2).flatten(0, 1)
        return logits[: len(spins)].index_select(1, self.core.frontier.ordering.ranks)

    def _rows(self, spins: Tensor) -> Tensor:
        by_rank = spins.cpu().double().index_select(1, self.core.frontier.ordering.sites)
        padded = pad(by_rank, (0, 0, 0, -len(spins) % 64), value=1.0)
        return padded.view(-1, 64, spins.shape[1]).transpose(1, 2).contiguous()

    def _walk(self, rows: Tensor, stream: tuple[int, int] | None, want_logits: bool) -> tuple[Tensor, Tensor]:
        from graphar.kernels._numba_tables import walk_exact
        from graphar.kernels._threads import numba_threads

        core, frontier = self.core, self.core.frontier
        logits = torch.zeros_like(rows) if want_logits else rows.new_empty(0, 0, 0)
        log_prob = rows.new_zeros(rows.shape[0], 64)
        streams = core.num_spins + frontier.ordering.sites[core.exact_ranks]
        key, first = (0, 0) if stream is None else stream
        with numba_threads():
            walk_exact(
                core.exact_ranks.numpy(),
                frontier.parents_ptr.numpy(),
                frontier.parents_spin.numpy(),
                core.eliminator.offset.numpy(),
                self.odds.numpy(),
                stream is None,
                np.uint64(key),
                streams.numpy(),
                first,
                rows.numpy(),
                logits.numpy(),
                log_prob.numpy(),
            )
        return log_prob.flatten(), logits
