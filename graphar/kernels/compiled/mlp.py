"""The compiled kernel of the MLP head."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from graphar.frontier import Frontier
from graphar.heads.mlp import ACTIVATIONS, BoundMLP
from graphar.kernels.compiled.pairs import PairKernel
from graphar.kernels.compiled.plans import MessagePlans, pair_reads, plan_messages

__all__ = ["MLPKernel"]


class MLPKernel(PairKernel):
    """Compiled sweeps with a dense network for each spin.

    Units are computed again for the gradient: what is kept for it grows with edges and spins alone.
    """

    head: BoundMLP

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import mlp

        return mlp

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        num_pairs = self.head.feeds.numel()
        if 2 * num_pairs >= 2**31:
            raise ValueError(f"kernel must be 'reference' above 2^30 pairs, got {num_pairs}")
        # rows are read and slopes of them summed by each unit, units of further layers read twice and summed
        hidden, further = self.head.out.shape[0], len(self.head.deeper)
        lists = partial(pair_reads, per_row=2 * hidden + 1, per_spin=(3 * further * hidden + 4) * hidden)
        return plan_messages(frontier, self.head.reads, lists, list(ACTIVATIONS).index(self.head.activation))
