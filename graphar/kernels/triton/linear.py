"""The fused kernel of heads whose logits are linear in what they read."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, LinearCoefficients, LinearHead
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.plans import SweepPlan, pair_reads, plan_messages
from graphar.kernels.triton import launching
from graphar.kernels.triton.launching import BLOCK, TILE, on_device
from graphar.kernels.triton.sequential import Drawn, SweepOnDevice, TritonKernel

__all__ = ["LinearTritonKernel"]

PARTIAL = 2**24  # numbers that partial sums of a gradient may take
SHARES = 1024  # most parts of a batch


class LinearTritonKernel(TritonKernel):
    """Fused sweeps of heads with :class:`~graphar.heads.base.LinearCoefficients`.

    Sampling keeps messages and slopes, d log q / d logit, where the gradient is wanted. It is then taken by a program
    for each spin and part of the batch.
    """

    head: LinearHead

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        plans = plan_messages(frontier, self.head.reads, partial(pair_reads, per_row=1, per_spin=1))
        order, place, sends = (torch.from_numpy(part) for part in plans[:3])
        self._order, self._place, self._sends = order.to(device), place.to(device), sends.to(device)
        self.sites = torch.from_numpy(plans.keeping.sent.site).to(device)
        self.row_of_site = place[frontier.ordering.ranks].to(device)
        self._keeping = self._to_device(plans.keeping, self.num_arrivals + 1)
        self._reusing = self._to_device(plans.reusing, plans.num_slots + 1)
        self._pair = self._keeping.reads.pair.long()
        self._place_of_pair = torch.argsort(self._pair)

    def _to_device(self, plan: SweepPlan, num_rows: int) -> SweepOnDevice:
        sent, reads = on_device(plan.sent, self.device), on_device(plan.reads, self.device)
        return SweepOnDevice(sent, reads, num_rows, plan.reads_spins)

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling.index_select(0, self._sends), field.index_select(0, self._order), field)

    @property
    def logit(self) -> Any:
        from graphar.kernels.triton.loops.linear import logit

        return logit

    def plan(self, keep: bool) -> SweepOnDevice:
        return self._keeping if keep else self._reusing

    def numbers(self, coefficients: LinearCoefficients) -> LinearCoefficients:
        constant, local, pairs = coefficients
        constant, local = (part.index_select(0, self._order) for part in (constant, local))
        return LinearCoefficients(constant, local, pairs.index_select(0, self._pair))

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        from graphar.kernels.triton.loops.linear import gradient

        plan, (blocks, n, _) = self._keeping, drawn.spins.shape
        read = drawn.spins if plan.reads_spins else drawn.messages
        pairs = self._pair.numel()
        group = max(1, -(-blocks // max(1, min(SHARES, PARTIAL // max(1, pairs)))))
        shares = max(1, -(-blocks // group))
        by_constant, by_local, by_pairs = (drawn.spins.new_zeros(shares, count) for count in (n, n, pairs))
        launching.launch(
            gradient, (n, shares), self.device,
            plan.sent, plan.reads, drawn.messages, read, drawn.messages.shape[1], read.shape[1], drawn.dlogq_dlogit,
            drawn.factor, blocks, group, n, pairs, by_constant, by_local, by_pairs,
            BLOCK=BLOCK, TILE=TILE, WANT_LOCAL=wanted[1],
        )  # fmt: skip
        order = self._place, self._place, self._place_of_pair
        sums = (part.sum(0) for part in (by_constant, by_local, by_pairs))
        return tuple(part.index_select(0, places) for part, places in zip(sums, order, strict=True))
