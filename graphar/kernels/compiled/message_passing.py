"""The compiled kernel of the message-passing head."""

from __future__ import annotations

from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.message_passing.head import BoundMessagePassing, MessagePassingCoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import Drawn, empty
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import num_threads, share_out
from graphar.kernels.depth_first import depth_first

__all__ = ["MessagePassingKernel"]

MEMORY = 16e9  # bytes that the tapes of a gradient may take


class MessagePassingKernel(SequentialKernel):
    """Compiled sweeps, each thread taking blocks of samples whose messages near the spin drawn stay in cache.

    The gradient walks the same way once more and back, with a tape of one row for each message renewed, of one block
    of 64 samples for each thread: 0.7 GB for 4096 spins with three neighbours and radius 10, there and back. Where
    only the linear part learns, the walk back is left out.
    """

    head: BoundMessagePassing
    keeps_rows = False

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self._plan = depth_first(frontier, self.head)
        lists = self._plan.rank, self._plan.pair, self._plan.arrival, self._plan.site
        self._rank, self._pair, self._arrival, self.sites = map(torch.from_numpy, lists)
        self.row_of_site = self.sites.argsort()

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import message_passing

        return message_passing

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self._arrival], field[self._rank], field)

    def num_rows(self, keep: bool) -> tuple[int, ...]:
        return 2 * self.num_arrivals, self.num_spins

    def numbers(self, beta: float, couplings: Couplings, coefficients: MessagePassingCoefficients) -> Any:
        """Couplings, fields and the linear part in drawing order, and the gates."""
        arrays = super().numbers(beta, couplings, coefficients)
        coupling, field = couplings.coupling, couplings.field
        linear = arrays.pairs[self._plan.pair], arrays.constant[self._plan.rank if arrays.constant.size else slice(0)]
        graph = beta, (beta * coupling).numpy(), coupling.numpy(), field.numpy()
        return self.loops.Numbers(*graph, *linear, self.loops.Gates(*arrays[:4]), self.loops.Gates(*arrays[4:8]))

    @cached_property
    def _num_events(self) -> int:
        """Messages renewed in a sweep."""
        from graphar.kernels.compiled.loops.schedule import count_events

        return int(count_events(self._plan))

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        from graphar.kernels.compiled.loops import message_passing_gradient as loops

        (blocks, n, width), kind = drawn.spins.shape, drawn.spins.dtype
        threads = num_threads(blocks)

        def scratch(rows: int) -> np.ndarray:
            return empty((threads, rows, width), self.dtype).numpy()

        gates = [np.zeros((blocks, *part.shape), kind) for part in (*numbers.message_gates, *numbers.logit_gates)]
        if any(wanted[:8]):
            needed = threads * self._num_events * width * kind.itemsize
            if needed > MEMORY:
                raise ValueError(
                    f"radius or refresh must renew few enough messages for their gradient to fit in "
                    f"{MEMORY / 1e9:.3g} GB, got {self._num_events:,} renewals, which need {needed / 1e9:.3g} GB"
                )
            both = 2 * self.num_arrivals
            rows = tuple(scratch(count) for count in (both, both, n, self._num_events))
            found = self.loops.Gates(*gates[:4]), self.loops.Gates(*gates[4:])
            decay = float(self.head.rule.gradient_decay)
            share_out(blocks, loops.gradient, self._plan, numbers, drawn, decay, rows, *found)
        pairs, constant = np.zeros((blocks, self._plan.pair.size), kind), np.zeros((blocks, n), kind)
        if any(wanted[8:]):
            share_out(blocks, loops.pair_gradient, self._plan, numbers, drawn, scratch(n), pairs, constant)
        sums = [torch.from_numpy(part).sum(0, dtype=torch.float64).to(self.dtype) for part in (*gates, pairs, constant)]
        for k, number in (8, self._pair), (9, self._rank):
            sums[k] = torch.empty_like(sums[k]).index_copy_(0, number, sums[k])
        return tuple(sums)
