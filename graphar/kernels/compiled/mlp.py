"""The compiled kernel of the MLP head: whole walks over the spins, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.heads.mlp import ACTIVATIONS, BoundMLP, MLPCoefficients
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.linear import CACHE, LinearKernel, shares_of_work
from graphar.kernels.compiled.threads import share_out

__all__ = ["MLPKernel"]


class MLPKernel(LinearKernel):
    """As :class:`LinearKernel`, with a dense network for each spin.

    Units are computed again for the gradient: what is kept for it grows with edges and spins alone.
    """

    form_kind = MLPCoefficients

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        self._read_one_by_one(frontier)
        *_, ptr, _, pair = self._plan
        if 2 * pair.size >= 2**31:
            raise ValueError(f"kernel must be 'reference' above 2^30 pairs, got {pair.size}")
        # the weights of two units of the first layer in succession are a row of all pairs apart
        self._plan, self._reusing_plan = (
            (*plan, plan[-1] + np.int32(pair.size)) for plan in (self._plan, self._reusing_plan)
        )
        assert isinstance(head, BoundMLP)
        # rows are read and slopes of them summed by each unit, units of further layers read twice and summed
        hidden, further = head.out.shape[0], len(head.deeper)
        ends = np.minimum(2 * np.arange((ptr.size + 2) // 2), ptr.size - 1)
        self._shares = shares_of_work((2 * hidden + 1) * ptr[ends] + (3 * further * hidden + 4) * hidden * ends)

    def _coefficients(self, beta: float, couplings: Couplings) -> MLPCoefficients:
        assert isinstance(self.head, BoundMLP)
        return self.head.coefficients(beta, couplings.field_of_rank)

    def _numbers(self, coefficients: Any) -> tuple[np.ndarray, ...]:
        constant, local, pairs = super()._numbers(coefficients)
        assert isinstance(self.head, BoundMLP)
        kind = np.array([list(ACTIVATIONS).index(self.head.activation)])
        layers, units = (part.detach()[self._order].numpy() for part in (coefficients.layers, coefficients.units))
        return constant, local, kind, pairs.reshape(-1), layers, units

    def _compiled_sweep(self) -> Callable[..., None]:
        from graphar.kernels.compiled.loops.mlp import sweep

        return sweep

    def gradient(
        self, spins: Tensor, messages: Tensor, dlogq_dlogit: Tensor, factor: Tensor, coefficients: Any, local: bool
    ) -> tuple[Tensor | None, ...]:
        from graphar.kernels.compiled.loops.mlp import gradient

        by_constant, by_local = torch.zeros(2, self.num_spins, dtype=self.dtype)
        by_pairs, by_layers, by_units = (torch.zeros_like(part) for part in coefficients[2:])
        depth, hidden = coefficients.units.shape[1:]
        bytes_of_block = spins.shape[2] * spins.element_size() * (self._widest + (2 * depth + 1) * hidden)
        share_out(
            self._shares.size - 1,
            gradient,
            self._plan,
            self._numbers(coefficients),
            self._reads_spins,
            self._shares,
            max(1, min(4, CACHE // bytes_of_block)),
            spins.numpy(),
            messages.numpy(),
            dlogq_dlogit.numpy(),
            factor.numpy(),
            by_constant.numpy(),
            by_local.numpy() if local else by_local[:0].numpy(),
            by_pairs.view(-1).numpy(),
            by_layers.numpy(),
            by_units.numpy(),
        )
        place = self._place
        return by_constant[place], by_local[place] if local else None, by_pairs, by_layers[place], by_units[place]
