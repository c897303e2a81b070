"""The compiled kernel of the recurrent head."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.recurrent.cells import ACTIVATIONS, CELLS
from graphar.heads.recurrent.head import BoundRecurrent
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.batch_layout import Drawn, empty
from graphar.kernels.compiled.plans import SHARES, RecurrentPlan, no_reads, plan_messages
from graphar.kernels.compiled.sequential import SequentialKernel
from graphar.kernels.compiled.threads import num_threads, share_out

__all__ = ["RecurrentKernel"]

KEPT = 2**28  # bytes that a kernel may keep between gradients


class RecurrentKernel(SequentialKernel):
    """Compiled sweeps along a memory DAG, in order of rank.

    Where the gradient is wanted, all states are kept, and its passes take twice the work of a sweep: back along the DAG
    by samples, and over the weights by spins.
    """

    head: BoundRecurrent

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        from graphar.kernels.compiled.loops.dense import VECTOR

        super().__init__(frontier, head, dtype, device)
        self._spare: list[np.ndarray] = []
        plans = plan_messages(frontier, self.head.reads, no_reads)
        self.sites, self.row_of_site = frontier.ordering.sites, frontier.ordering.ranks
        self._sends, self._slots_of_messages = torch.from_numpy(plans.sends), plans.num_slots
        slots, arrivals = self.head.slots.numpy(), self.head.slot_arrivals.numpy()
        sent = np.append(np.argsort(plans.sends), -1)  # where an arrival is in the order of senders
        config, lanes = self.head.config, VECTOR // torch.empty(0, dtype=dtype).element_size()
        layers, n, _ = slots.shape
        shared = len(self.head.out) == 1
        self._plan = RecurrentPlan(
            plans.keeping.sent,
            slots,
            sent[arrivals],
            np.arange(layers * n).reshape(layers, n),
            layers * n,
            CELLS.index(config.cell),
            list(ACTIVATIONS).index(str(config.activation)),
            config.couplings,
            config.hidden,
            -(-config.hidden // lanes) * lanes,
            shared,
            1,
            np.linspace(0, n, min(n, SHARES if not shared else SHARES // 4) + 1).astype(np.int64),
        )
        row, num_rows = _reuse_rows(slots)
        self._reusing = self._plan._replace(sent=plans.reusing.sent, row=row, num_rows=num_rows)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_spare": []}

    @property
    def loops(self) -> ModuleType:
        from graphar.kernels.compiled.loops import recurrent

        return recurrent

    def plan(self, keep: bool) -> RecurrentPlan:
        return (self._plan if keep else self._reusing)._replace(threads=num_threads())

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling[self._sends], field, field)

    @property
    def held(self) -> int:
        numbers = self._plan.num_rows * self._plan.padded
        return super().held + numbers * (10 if self.head.config.cell == "gru" else 2)

    def num_rows(self, keep: bool) -> tuple[int, ...]:
        plan = self._plan if keep else self._reusing
        numbers = plan.num_rows * plan.padded
        messages = (self.num_arrivals if keep else self._slots_of_messages) + 1
        return messages, numbers, 4 * numbers if self.head.config.cell == "gru" else 0

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        from graphar.kernels.compiled.loops import recurrent_gradient as loops

        plan = self.plan(True)
        _, states, gates = drawn.rows
        # memory is kept from step to step: to be given new pages takes as long as to fill them
        spare = self._spare.pop() if self._spare else states[:0]
        if spare.shape != states.shape:
            spare = empty(states.shape, self.dtype).numpy()
        by_states, gates = spare, gates.copy()
        share_out(len(drawn.spins), loops.states_gradient, plan, numbers, drawn, by_states, gates)
        # where sites share weights, a sum for each range of them: their order is not that of threads
        shares = plan.ranges.size - 1
        found = [np.zeros(part.shape, part.dtype) for part in numbers[:2]]
        found += [np.zeros((shares if plan.shared else len(part), *part.shape[1:]), part.dtype) for part in numbers[2:]]
        share_out(shares, loops.gradient, plan, numbers, drawn, by_states, gates, type(numbers)(*found))
        if by_states.nbytes <= KEPT:
            self._spare[:] = [by_states]
        if plan.shared:
            found[2:] = [part.sum(0, keepdims=True) for part in found[2:]]
        return tuple(torch.from_numpy(part) for part in found)


def _reuse_rows(slots: np.ndarray) -> tuple[np.ndarray, int]:
    """A row for every state such that none is overwritten while it may be heard, (layers, N), and their number."""
    layers, n, _ = slots.shape
    last = np.tile(np.arange(n), (layers, 1))  # a state is read in its own turn, and no earlier one given up
    for layer in range(layers):
        filled = slots[layer] >= 0
        np.maximum.at(last[layer], slots[layer][filled], np.nonzero(filled)[0])
    order = np.argsort(last.T.ravel(), kind="stable")  # states by the turn after which they are given up
    given_up = np.searchsorted(last.T.ravel()[order], np.arange(n + 1))
    row = np.empty((layers, n), np.int64)
    free: list[int] = []
    count = 0
    for i in range(n):
        for layer in range(layers):
            if free:
                row[layer, i] = free.pop()
            else:
                row[layer, i] = count
                count += 1
        for state in order[given_up[i] : given_up[i + 1]]:
            spin, layer = divmod(int(state), layers)
            free.append(int(row[layer, spin]))
    return row, count
