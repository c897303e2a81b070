"""Plans on a device, for fused kernels of heads that read messages or spins."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.plans import MessagePlans, SweepPlan
from graphar.kernels.triton.launching import on_device
from graphar.kernels.triton.sequential import Drawn, SweepOnDevice, TritonKernel

__all__ = ["PairTritonKernel", "shares_of"]

PARTIAL = 2**24  # numbers that partial sums of a gradient may take
SHARES = 1024  # most parts of a batch


def shares_of(blocks: int, numbers: int) -> tuple[int, int]:
    """Parts of a batch for its gradient, and blocks of each: sums of ``numbers`` for each part fit into memory."""
    group = max(1, -(-blocks // max(1, min(SHARES, PARTIAL // max(1, numbers)))))
    return max(1, -(-blocks // group)), group


class PairTritonKernel(TritonKernel):
    """A fused kernel whose sweeps follow :func:`~graphar.kernels.compiled.plans.plan_messages`."""

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        plans = self._make_plans(frontier)
        order, place, sends = (torch.from_numpy(part) for part in plans[:3])
        self._order, self._place, self._sends = order.to(device), place.to(device), sends.to(device)
        self.sites = torch.from_numpy(plans.keeping.sent.site).to(device)
        self.row_of_site = place[frontier.ordering.ranks].to(device)
        self._keeping = self._to_device(plans.keeping, self.num_arrivals + 1)
        self._reusing = self._to_device(plans.reusing, plans.num_slots + 1)
        self._pair = self._keeping.reads.pair.long()
        self._place_of_pair = torch.argsort(self._pair)

    @abstractmethod
    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        """What sweeps read, in lists of :class:`~graphar.kernels.compiled.plans.PairReads`."""

    def _to_device(self, plan: SweepPlan, num_rows: int) -> SweepOnDevice:
        sent, reads = on_device(plan.sent, self.device), on_device(plan.reads, self.device)
        return SweepOnDevice(sent, reads, num_rows, plan.reads_spins)

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling.index_select(0, self._sends), field.index_select(0, self._order), field)

    def plan(self, keep: bool) -> SweepOnDevice:
        return self._keeping if keep else self._reusing

    def rows_read(self, drawn: Drawn) -> Tensor:
        """Rows that readers read, (blocks, rows, BLOCK)."""
        return drawn.spins if self._keeping.reads_spins else drawn.messages
