"""The fused kernel of the MLP head."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any, NamedTuple

from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.mlp import ACTIVATIONS, BoundMLP, MLPCoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.plans import MessagePlans, pair_reads, plan_messages
from graphar.kernels.triton import launching
from graphar.kernels.triton.launching import BLOCK
from graphar.kernels.triton.pairs import PARTIAL, PairTritonKernel, shares_of
from graphar.kernels.triton.sequential import Drawn

__all__ = ["MLPTritonKernel"]

UNITS = 32  # most units that a program computes at a time, for each of its samples
ROWS = 16  # that products over samples are taken of at a time: no fewer will do


class Numbers(NamedTuple):
    """:class:`~graphar.heads.mlp.MLPCoefficients` in drawing order.

    Attributes:
        constant, local, pairs: of the skip.
        first: (P, hidden).
        layers, units: as they are there.
    """

    constant: Tensor
    local: Tensor
    pairs: Tensor
    first: Tensor
    layers: Tensor
    units: Tensor


class MLPTritonKernel(PairTritonKernel):
    """Fused sweeps with a dense network for each spin.

    Units are computed again for the gradient: what is kept for it grows with edges and spins alone.
    """

    head: BoundMLP

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        return plan_messages(frontier, self.head.reads, partial(pair_reads, per_row=1, per_spin=1))

    @property
    def logit(self) -> Any:
        from graphar.kernels.triton.loops.mlp import logit

        return logit

    @cached_property
    def choice(self) -> tuple[int, ...]:
        hidden, depth = self.head.out.shape[0], 1 + len(self.head.deeper)
        units = min(UNITS, 1 << (hidden - 1).bit_length())
        return hidden, depth, list(ACTIVATIONS).index(self.head.activation), units, max(ROWS, units)

    def scratch(self, programs: int, keep: bool) -> tuple[Tensor, ...]:
        hidden, depth = self.choice[:2]
        return (self.head.out.new_empty(programs, depth - 1, hidden, BLOCK, dtype=self.dtype, device=self.device),)

    def numbers(self, beta: float, couplings: Couplings, coefficients: MLPCoefficients) -> Numbers:
        constant, local, pairs, layers, units = coefficients
        by_rank = constant, local, layers, units
        constant, local, layers, units = (part.index_select(0, self._order) for part in by_rank)
        pairs = pairs.index_select(1, self._pair)
        return Numbers(constant, local, pairs[0].contiguous(), pairs[1:].t().contiguous(), layers, units)

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        from graphar.kernels.triton.loops.mlp import gradient

        plan, (blocks, n, _), (hidden, depth, *_) = self._keeping, drawn.spins.shape, self.choice
        read, pairs = self.rows_read(drawn), self._pair.numel()
        counts = n, n, pairs, pairs * hidden, n * (depth - 1) * hidden**2, n * (depth + 1) * hidden
        held = 2 * depth * hidden * BLOCK  # by a program
        shares, group = shares_of(blocks, max(*counts, held))
        programs = max(1, min(n, PARTIAL // (shares * held)))
        found = [drawn.spins.new_zeros(shares, count) for count in counts]
        launching.launch(
            gradient, (programs, shares), self.device,
            plan.sent, plan.reads, numbers, drawn.messages, read, drawn.messages.shape[1], read.shape[1],
            drawn.dlogq_dlogit, drawn.factor, blocks, group, n, pairs,
            drawn.spins.new_empty(shares * programs * held), *found,
            CHOICE=self.choice, WANT_LOCAL=wanted[1], BLOCK=BLOCK, ROWS=ROWS,
        )  # fmt: skip
        constant, local, skip, first, layers, units = (part.sum(0) for part in found)
        by_pairs = skip.new_empty(1 + hidden, pairs)
        by_pairs[0], by_pairs[1:] = skip, first.view(pairs, hidden).t()
        in_turn = constant, local, layers.view(n, depth - 1, hidden**2), units.view(n, depth + 1, hidden)
        constant, local, layers, units = (part.index_select(0, self._place) for part in in_turn)
        return constant, local, by_pairs.index_select(1, self._place_of_pair), layers, units
