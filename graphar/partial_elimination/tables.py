"""The exact part of a model at one β: conditionals of the exact sites, and what they leave to the core."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from graphar.kernels.base import Samples, to_site_order
from graphar.kernels.compiled.threads import share_out
from graphar.partial_elimination.plan import Core
from graphar.partial_elimination.walsh import remove_low_orders

__all__ = ["CoreSamples", "CoreTables", "tables_at"]


def tables_at(core: Core, beta: float) -> CoreTables:
    """Conditionals of the exact sites, and what they leave to the core, at one β; float64."""
    graph = core.frontier.graph
    K = beta * core.frontier.arrival_weight.double().cpu()
    k = beta * graph.h.double().cpu()[core.frontier.ordering.sites]
    odds, sums = (part[0] for part in core.eliminator.sum_out(K[None], k[None], many=K[None, core.term_arrivals]))
    if not bool(torch.isfinite(odds).all()):
        raise ValueError(f"beta times couplings and fields must stay finite in float64, got beta = {beta:g}")
    coupling = torch.zeros_like(core.weights)
    coupling[core.own] = K[core.own_arrivals]
    field = k[core.ranks]
    rests = []
    for group, first in core.outgoing:
        entries = first[:, None] + torch.arange(2 ** group.parents.shape[1])
        rest, by_term, by_spin = remove_low_orders(sums[entries], group.masks)
        coupling.index_add_(0, group.terms.flatten(), by_term.flatten())
        field.index_add_(0, group.parents.flatten(), by_spin.flatten())
        rests.append(rest)
    roots = core.eliminator.outgoing[core.frontier.num_parents[core.eliminator.outgoing] == 0]
    constant = float(sums[core.eliminator.offset[roots]].sum())
    return CoreTables(core, beta, odds, coupling, field, rests, constant)


def _lengthened(spins: Tensor, length: int) -> Tensor:
    """Configurations (batch, n) and then ones up to (length, n); torch 2.6 pads no tensor with n = 0."""
    return torch.cat([spins, spins.new_ones(length - len(spins), spins.shape[1])])


class CoreSamples(Samples):
    """A batch of core samples: log q of the core and the energy left to it; the exact spins are drawn on request.

    Attributes:
        log_prob: log q of the core, (batch,), float64.
        energy: −log Σ_exact e^{−βE}/β without the offset, (batch,), float64.
    """

    def __init__(self, tables: CoreTables, drawn: Samples, key: int, first: int) -> None:
        scale = 1 / tables.beta if tables.beta > 0 else 0.0
        high = tables.high_orders(drawn.rows.cpu(), drawn.row_of_site.cpu())[: len(drawn)]
        energy = drawn.energy - scale * high.to(drawn.energy.device)
        super().__init__(drawn.rows, drawn.row_of_site, drawn.log_prob, energy)
        self._tables, self._drawn, self._key, self._first = tables, drawn, key, first

    @cached_property
    def _completed(self) -> tuple[Tensor, Tensor]:
        return self._tables.complete(self.learned.cpu(), self._key, self._first)

    @property
    def learned(self) -> Tensor:
        """Spins of the core, (batch, n), by core number."""
        return self._drawn.spins

    @cached_property
    def spins(self) -> Tensor:
        """±1, shape (batch, N), site order."""
        return self._completed[0]

    @property
    def full_log_prob(self) -> Tensor:
        """log q of all spins, (batch,), float64."""
        return self.log_prob.detach().cpu() + self._completed[1]

    def configuration(self, sample: int) -> Tensor:
        """One sample, shape (N,)."""
        spins = self._drawn.configuration(sample).cpu()[None]
        return self._tables.complete(spins, self._key, self._first + sample)[0][0]


class CoreTables:
    """The exact part of a model at one β.

    Attributes:
        coupling, field: K in the order of the core's ``weights``, and k by core number.
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
    def effective_couplings(self) -> tuple[Tensor, Tensor]:
        """K/β, and k/β by core number; at β = 0 their limits, the couplings and fields themselves."""
        if self.beta > 0:
            return self.coupling / self.beta, self.field / self.beta
        return self.core.weights, self.core.frontier.graph.h.double().cpu()[self.core.sites]

    def high_orders(self, rows: Tensor, row_of_site: Tensor) -> Tensor:
        """Σ_o R_o(x_P(o)), and the constant, of core spins in blocks (blocks, n, width), float64, (blocks · width,).

        ``row_of_site`` is the row of each core number.
        """
        from graphar.partial_elimination.lookups import add_tables

        total = torch.full((rows.shape[0], rows.shape[2]), self.constant, dtype=torch.float64)
        for (group, _), rest in zip(self.core.outgoing, self._rests, strict=True):
            arrays = (part.numpy() for part in (rows, row_of_site[group.parents], rest, total))
            share_out(len(rows), add_tables, *arrays)
        return total.flatten()

    def complete(self, core_spins: Tensor, key: int, first: int) -> tuple[Tensor, Tensor]:
        """Spins (batch, N) from those of the core (batch, n) by core number, and log p of the exact ones given them.

        Sample s of the batch uses random bits of the stream ``key`` for sample ``first + s``, past the core's own;
        unless it is a single one, ``first`` is a multiple of 64.
        """
        core, count = self.core, len(core_spins)
        width = 64 if count > 1 else 1
        rows = torch.ones(-(-count // width), core.frontier.num_spins, width, dtype=torch.float64)
        padded = _lengthened(core_spins.double(), rows.shape[0] * width)
        rows[:, core.ranks] = padded.view(rows.shape[0], width, core.num_spins).transpose(1, 2)
        log_prob, _ = self._walk(rows, (key, first), False)
        spins = to_site_order(rows, core.frontier.ordering.ranks, count)
        return spins.to(core_spins.dtype), log_prob[:count]

    def log_prob(self, spins: Tensor) -> Tensor:
        """log p of the exact spins of configurations (batch, N) given their core, float64, (batch,)."""
        return self._walk(self._rows(spins), None, False)[0][: len(spins)]

    def logits(self, spins: Tensor) -> Tensor:
        """Logits of the exact sites of configurations (batch, N), zero for the core, (batch, N)."""
        logits = self._walk(self._rows(spins), None, True)[1]
        return to_site_order(logits, self.core.frontier.ordering.ranks, len(spins))

    def _rows(self, spins: Tensor) -> Tensor:
        by_rank = spins.cpu().double().index_select(1, self.core.frontier.ordering.sites)
        padded = _lengthened(by_rank, len(spins) + -len(spins) % 64)
        return padded.view(-1, 64, spins.shape[1]).transpose(1, 2).contiguous()

    def _walk(self, rows: Tensor, stream: tuple[int, int] | None, want_logits: bool) -> tuple[Tensor, Tensor]:
        from graphar.partial_elimination.lookups import walk_exact

        core, frontier = self.core, self.core.frontier
        logits = torch.zeros_like(rows) if want_logits else rows.new_empty(0, 0, 0)
        log_prob = rows.new_zeros(rows.shape[0], rows.shape[2])
        streams = core.num_spins + frontier.ordering.sites[core.exact_ranks]
        key, first = (0, 0) if stream is None else stream
        share_out(
            len(rows),
            walk_exact,
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
