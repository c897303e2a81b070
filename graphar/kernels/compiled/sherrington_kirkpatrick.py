"""The compiled kernel of the Sherrington–Kirkpatrick head: whole walks over the spins, on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, LinearCoefficients
from graphar.heads.sherrington_kirkpatrick import BoundSherringtonKirkpatrick
from graphar.kernels.base import Couplings
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.compiled.threads import share_out

__all__ = ["SherringtonKirkpatrickKernel"]


class SherringtonKirkpatrickKernel(LinearKernel):
    """As :class:`LinearKernel`, with a function of each message in the place of a multiple of it.

    The numbers of a pair are (2, 2k + 3), and nothing that depends on them is kept for the gradient: the layers are
    computed again there.
    """

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        assert isinstance(head, BoundSherringtonKirkpatrick)
        self._read_one_by_one(frontier, head.feeds.numpy())

    def _coefficients(self, beta: float, couplings: Couplings) -> LinearCoefficients:
        assert isinstance(self.head, BoundSherringtonKirkpatrick)
        return self.head.coefficients(beta, couplings.field_of_rank)

    def _compiled_sweep(self) -> Callable[..., None]:
        from graphar.kernels.compiled.loops.sherrington_kirkpatrick import sweep

        return sweep

    def gradient(
        self,
        spins: Tensor,
        messages: Tensor,
        dlogq_dlogit: Tensor,
        factor: Tensor,
        coefficients: LinearCoefficients,
        local: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        from graphar.kernels.compiled.loops.sherrington_kirkpatrick import gradient

        pairs = coefficients.pairs.detach().contiguous()
        by_constant, by_local = torch.zeros(2, self.num_spins, dtype=self.dtype)
        by_pair = torch.zeros_like(pairs)
        share_out(
            self._shares.size - 1,
            gradient,
            self._plan,
            self._shares,
            messages.numpy(),
            dlogq_dlogit.numpy(),
            factor.numpy(),
            pairs.numpy(),
            by_constant.numpy(),
            by_local.numpy(),
            by_pair.numpy(),
        )
        return by_constant[self._place], by_local[self._place], by_pair
