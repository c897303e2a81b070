"""The fused kernel of the MADE head."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.made import BoundMADE, MADECoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.plans import MessagePlans, no_reads, plan_messages
from graphar.kernels.triton import launching
from graphar.kernels.triton.launching import BLOCK
from graphar.kernels.triton.pairs import PairTritonKernel, shares_of
from graphar.kernels.triton.sequential import Drawn

__all__ = ["MADETritonKernel"]

ROWS = 16  # that products are taken of at a time: no fewer will do


class Numbers(NamedTuple):
    """:class:`~graphar.heads.made.MADECoefficients`, 2βh of each spin and where the weights of each layer start."""

    weight: Tensor
    bias: Tensor
    slope: Tensor
    constant: Tensor
    starts: Tensor


class Kept(NamedTuple):
    """What the network has at the spins drawn already.

    Attributes:
        units, inner: after PReLU and before, (…, (layers − 1) copies N channels, BLOCK); the second for a gradient.
        ups, log_q: of the mixture, its logits and log q of the spins before, of x and of −x, (…, 2, N or 2, BLOCK).
    """

    units: Tensor
    inner: Tensor
    ups: Tensor
    log_q: Tensor


class MADETritonKernel(PairTritonKernel):
    """Fused sweeps of masked dense layers: a batch is drawn with the work of one density.

    The gradient goes from the last layer down, in products of a batch with weights and with units.
    """

    head: BoundMADE

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self._starts = torch.from_numpy(self.head.starts).to(device)

    def _make_plans(self, frontier: Frontier) -> MessagePlans:
        return plan_messages(frontier, self.head.reads, no_reads)

    @property
    def logit(self) -> Any:
        from graphar.kernels.triton.loops.made import logit

        return logit

    @cached_property
    def choice(self) -> tuple[int, ...]:
        layers = self.head.layers
        return max(layer.shape[1] for layer in layers), len(layers), 1 + self.head.z2

    @property
    def _units(self) -> int:
        channels, depth, copies = self.choice
        return (depth - 1) * copies * self.num_spins * channels

    @property
    def held(self) -> int:
        return super().held + 4 * self._units + 8 * self.num_spins * self.head.z2

    def scratch(self, programs: int, keep: bool) -> Kept:
        def room(*shape: int, dtype: torch.dtype = self.dtype) -> Tensor:
            return torch.empty(shape, dtype=dtype, device=self.device)

        spins = (self.num_spins if keep else 2) if self.head.z2 else 0
        return Kept(
            room(programs, self._units, BLOCK),
            room(programs if keep else 0, self._units, BLOCK),
            room(programs, 2, spins, BLOCK),
            room(programs, 2, spins, BLOCK, dtype=torch.float64),
        )

    def numbers(self, beta: float, couplings: Couplings, coefficients: MADECoefficients) -> Numbers:
        weight, bias, slope = (part.contiguous() for part in coefficients)
        return Numbers(weight, bias, slope, 2 * beta * couplings.field, self._starts)

    def gradient(self, numbers: Any, drawn: Drawn, wanted: tuple[bool, ...]) -> tuple[Tensor, ...]:
        from graphar.kernels.triton.loops.made import through_mixture, units_gradient, weights_gradient

        kept, (channels, depth, copies), (blocks, n, _) = Kept(*drawn.scratch), self.choice, drawn.spins.shape
        by_ups = drawn.dlogq_dlogit * drawn.factor[:, None]
        if copies > 1:
            by_logits, by_ups = by_ups.contiguous(), by_ups.new_empty(blocks, copies, n, BLOCK)
            launching.launch(
                through_mixture, (blocks,), self.device,
                drawn.spins, kept.ups, kept.log_q, by_logits, n, by_ups, BLOCK=BLOCK,
            )  # fmt: skip
        by_units, by_slopes = torch.empty_like(kept.units), torch.empty_like(kept.units)
        constants = {"CHOICE": self.choice, "BLOCK": BLOCK, "ROWS": ROWS}
        for k in range(depth - 1, 0, -1):
            launching.launch(
                units_gradient, (blocks, -(-n * channels // ROWS), copies), self.device,
                numbers, kept.inner, by_ups, n, by_units, by_slopes, K=k, **constants,
            )  # fmt: skip
        weights = numbers.weight.numel()
        shares, group = shares_of(blocks, weights)
        by_weight = by_ups.new_zeros(shares, weights)
        for k in range(depth):
            outs, ins = (channels if k < depth - 1 else 1), (channels if k else 1)
            launching.launch(
                weights_gradient, (-(-n * outs // ROWS), -(-n * ins // ROWS), shares), self.device,
                numbers, drawn.spins, kept.units, by_ups, by_units, blocks, group, n, weights, by_weight,
                K=k, **constants,
            )  # fmt: skip
        shape = blocks, depth - 1, copies, n, channels, BLOCK
        by_bias, by_slope = torch.zeros_like(numbers.bias), by_slopes.view(shape).sum((0, 2, 5))
        by_bias[:-1] = by_units.view(shape).sum((0, 2, 5))
        by_bias[-1, :, 0] = by_ups.view(blocks, copies, n, BLOCK).sum((0, 1, 3))
        return by_weight.sum(0), by_bias, by_slope
