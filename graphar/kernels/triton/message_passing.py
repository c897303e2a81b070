"""The fused kernel of the message-passing head."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.message_passing.head import BoundMessagePassing, MessagePassingCoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.depth_first import depth_first
from graphar.kernels.triton import launching
from graphar.kernels.triton.launching import BLOCK, FEATURES, PROGRAMS, TILE, on_device
from graphar.kernels.triton.pairs import shares_of
from graphar.kernels.triton.renewals import plan_walk
from graphar.kernels.triton.sequential import Drawn, SweepOnDevice, TritonKernel

__all__ = ["MessagePassingTritonKernel"]

MEMORY = 16e9  # bytes that rows of programs may take, and tapes of a gradient
TOGETHER = 4  # collections that a program takes at a time, with gates; TILE without


class Gates(NamedTuple):
    """Weights of two gates.

    Attributes:
        weight: of the hidden units, with their bias as the last, (hidden, FEATURES).
        out, constant: (2, hidden) and (2,).
    """

    weight: Tensor
    out: Tensor
    constant: Tensor


class Numbers(NamedTuple):
    """What sweeps compute with.

    Attributes:
        beta: (1,).
        strength, field: βJ of directed edges; h by place.
        pairs, constant: the linear part by pair of the plan and by place, or empty.
        message_gates, logit_gates: weights of both.
        coupling: J, as spins send it.
    """

    beta: Tensor
    strength: Tensor
    field: Tensor
    pairs: Tensor
    constant: Tensor
    message_gates: Gates
    logit_gates: Gates
    coupling: Tensor


class Scratch(NamedTuple):
    """Messages of each program, and those kept aside, (programs, 2E + most events of a group, BLOCK)."""

    messages: Tensor


class MessagePassingTritonKernel(TritonKernel):
    """Fused sweeps that renew messages before each spin, several at a time of those that do not wait for one another.

    The gradient walks the same way once more and back, with a tape of one row for each message renewed, of one block
    of samples for each program. Where tapes of all would not fit, the walk is cut: what messages were is kept at the
    cuts, and each part is walked again before it is walked back.
    """

    head: BoundMessagePassing
    keeps_rows = False

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        plan = depth_first(frontier, self.head)
        walk = plan_walk(plan)
        arrival, turns = torch.from_numpy(plan.arrival), torch.from_numpy(plan.turns)
        sends = arrival[torch.from_numpy(walk.sends)]
        self._sends, self._sent_as = sends.to(device), sends.argsort()[arrival].to(device)
        self._order, self._turn = torch.from_numpy(plan.rank)[turns].to(device), turns.argsort().to(device)
        self._rank, self._pair = (torch.from_numpy(part).to(device) for part in (plan.rank, plan.pair))
        self.sites = torch.from_numpy(plan.site)[turns].to(device)
        self.row_of_site = self.sites.argsort()
        self._walk, self._turn_events, self._widest = self._to_device(walk), walk.turn_events, walk.widest
        self._taped_before = torch.from_numpy(walk.turn_events).to(device, torch.int32)

    def _to_device(self, walk: Any) -> SweepOnDevice:
        sent, renewals = on_device(walk.sent, self.device), on_device(walk.renewals, self.device)
        return SweepOnDevice(sent, renewals, self.num_spins + 1, False)

    @property
    def logit(self) -> Any:
        from graphar.kernels.triton.loops.message_passing import logit

        return logit

    @cached_property
    def choice(self) -> tuple[int, ...]:
        hidden = self.head.config.hidden
        return hidden, int(self.head.linear is not None), TOGETHER if hidden else TILE

    def plan(self, keep: bool) -> SweepOnDevice:
        return self._walk

    @property
    def _rows(self) -> int:
        """Of messages, renewed at once or not."""
        return 2 * self.num_arrivals + self._widest

    @property
    def programs(self) -> int:
        return self._programs(self._rows + self.num_spins, PROGRAMS)

    def _programs(self, rows: int, most: int) -> int:
        return max(1, min(most, int(MEMORY // (max(1, rows) * BLOCK * self.dtype.itemsize))))

    def scratch(self, programs: int, keep: bool) -> Scratch:
        return Scratch(torch.empty(programs, self._rows, BLOCK, dtype=self.dtype, device=self.device))

    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        return Couplings(coupling.index_select(0, self._sends), field.index_select(0, self._order), field)

    def numbers(self, beta: float, couplings: Couplings, coefficients: MessagePassingCoefficients) -> Numbers:
        strength = beta * couplings.coupling.index_select(0, self._sent_as)
        field = couplings.field.index_select(0, self._turn)
        pairs, constant = coefficients.pairs.index_select(0, self._pair), coefficients.constant
        constant = constant.index_select(0, self._rank) if constant.numel() else constant
        one = torch.full((1,), beta, dtype=self.dtype, device=self.device)
        gates = _packed(*coefficients[:4]), _packed(*coefficients[4:8])
        return Numbers(one, strength, field, pairs, constant, *gates, couplings.coupling)

    def _cuts(self, parts: int) -> np.ndarray:
        """Turns where parts of the walk of about as many renewals start, the first one at 0, and N."""
        wanted = self._turn_events[-1] * np.arange(1, parts) / parts
        return np.unique([0, *np.searchsorted(self._turn_events[:-1], wanted), self.num_spins])

    def _tape(self, cuts: np.ndarray) -> int:
        """Rows of a tape of any part of the walk."""
        return int(np.diff(self._turn_events[cuts]).max())

    def _gradient_rows(self, cuts: np.ndarray) -> int:
        """Rows of a program that walks in such parts."""
        n = self.num_spins
        return 2 * self._rows + n + self._tape(cuts) + (len(cuts) - 2) * (2 * self.num_arrivals + n)

    def _parts(self, blocks: int) -> np.ndarray:
        """Cuts of as few parts as let all programs have their tapes, or those that take the fewest rows."""
        most = min(blocks, PROGRAMS)
        found = [self._cuts(2**k) for k in range(self.num_spins.bit_length())]
        fitting = [cuts for cuts in found if self._programs(self._gradient_rows(cuts), most) == most]
        return fitting[0] if fitting else min(found, key=self._gradient_rows)

    def gradient(self, numbers: Numbers, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        (blocks, n, _), hidden = drawn.spins.shape, self.choice[0]
        by_gates = drawn.spins.new_zeros(blocks, 2, hidden * (FEATURES + 2) + 2 if hidden else 0)
        if any(wanted[:8]):
            self._gates_gradient(numbers, drawn, by_gates)
        both = by_gates.sum(0, dtype=torch.float64).to(self.dtype)
        shapes = self.head.rule.message_gates, self.head.rule.logit_gates
        gates = [part for of, sums in zip(shapes, both, strict=True) for part in _unpacked(sums, of)]
        pairs, constant = drawn.spins.new_zeros(self._pair.numel()), drawn.spins.new_zeros(n)
        if any(wanted[8:]):
            pairs, constant = self._pair_gradient(numbers, drawn)
        return *gates, pairs.new_empty(pairs.shape).index_copy_(0, self._pair, pairs), constant

    def _gates_gradient(self, numbers: Numbers, drawn: Drawn, by_gates: Tensor) -> None:
        from graphar.kernels.triton.loops.message_passing_gradient import gradient

        blocks, n, _ = drawn.spins.shape
        cuts, edges = self._parts(blocks), 2 * self.num_arrivals
        programs, tape = self._programs(self._gradient_rows(cuts), min(blocks, PROGRAMS)), self._tape(cuts)

        def room(*shape: int) -> Tensor:
            return drawn.spins.new_empty(programs, *shape, BLOCK)

        decay = float(self.head.rule.gradient_decay)
        launching.launch(
            gradient, (programs,), self.device,
            self._walk.sent, self._walk.reads, numbers, drawn.spins, drawn.dlogq_dlogit, drawn.factor, blocks, n,
            torch.from_numpy(cuts).to(self.device, torch.int32), len(cuts) - 1, self._taped_before,
            room(self._rows), room(self._rows), room(n), room(tape), room(len(cuts) - 2, edges + n),
            torch.full_like(numbers.beta, decay), by_gates, self._rows, tape,
            CHOICE=(*self.choice, max(2, 1 << (self.choice[0] - 1).bit_length())), DECAYS=decay != 1,
            BLOCK=BLOCK, TILE=TILE,
        )  # fmt: skip

    def _pair_gradient(self, numbers: Numbers, drawn: Drawn) -> tuple[Tensor, Tensor]:
        from graphar.kernels.triton.loops.message_passing_gradient import pair_gradient

        (blocks, n, _), count = drawn.spins.shape, self._pair.numel()
        shares, group = shares_of(blocks, max(count, n * BLOCK))
        pairs, constant = (drawn.spins.new_zeros(shares, size) for size in (count, n))
        launching.launch(
            pair_gradient, (shares,), self.device,
            self._walk.sent, self._walk.reads, numbers, drawn.spins, drawn.dlogq_dlogit, drawn.factor, blocks, group,
            n, count, drawn.spins.new_empty(shares, n, BLOCK), pairs, constant, BLOCK=BLOCK, TILE=TILE,
        )  # fmt: skip
        by_rank = constant.sum(0)
        return pairs.sum(0), by_rank.new_empty(n).index_copy_(0, self._rank, by_rank)


def _packed(weight: Tensor, bias: Tensor, out: Tensor, constant: Tensor) -> Gates:
    """Gates as loops read them: features, zeros in place of those that there are not, and the bias."""
    if not bias.numel():
        return Gates(weight, out, constant)
    packed = weight.new_zeros(len(bias), FEATURES)
    packed[:, : weight.shape[1]], packed[:, -1] = weight, bias
    return Gates(packed, out.contiguous(), constant.contiguous())


def _unpacked(sums: Tensor, gates: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Derivatives by a gate's weight, bias, out and constant."""
    if gates is None:
        return sums[None], sums, sums[None], sums
    hidden, read = gates.weight.shape
    weight, rest = sums[: hidden * FEATURES].view(hidden, FEATURES), sums[hidden * FEATURES :]
    return weight[:, :read], weight[:, -1], rest[: 2 * hidden].view(2, hidden), rest[2 * hidden :]
