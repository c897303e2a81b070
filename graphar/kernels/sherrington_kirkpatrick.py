"""The compiled kernel of the Sherrington–Kirkpatrick head: whole walks over the spins, on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead, LinearForm
from graphar.heads.sherrington_kirkpatrick import BoundSherringtonKirkpatrick
from graphar.kernels._threads import share_out
from graphar.kernels.base import Interactions
from graphar.kernels.numba_cpu import NumbaKernel

__all__ = ["SherringtonKirkpatrickKernel"]


class SherringtonKirkpatrickKernel(NumbaKernel):
    """As :class:`NumbaKernel`, with a function of each message in the place of a multiple of it.

    The numbers of a pair are (2, 2k + 3), and nothing that depends on them is kept for the gradient: the layers are
    computed again there.
    """

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(frontier, head, dtype, device)
        assert isinstance(head, BoundSherringtonKirkpatrick)
        self._read_one_by_one(frontier, head.feeds.numpy())

    def _form(self, beta: float, of: Interactions) -> LinearForm:
        assert isinstance(self.head, BoundSherringtonKirkpatrick)
        return self.head.layers_form(beta, of.field_of_rank)

    def _compiled_sweep(self) -> Callable[..., None]:
        from graphar.kernels._numba_log_sigmoid import sweep

        return sweep

    def gradient(
        self, spins: Tensor, messages: Tensor, slopes: Tensor, factor: Tensor, form: LinearForm, local: bool
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        from graphar.kernels._numba_log_sigmoid import gradient

        pairs = form.pairs.detach().contiguous()
        by_constant, by_local = torch.zeros(2, self.num_spins, dtype=self.dtype)
        by_pair = torch.zeros_like(pairs)
        share_out(
            self._shares.size - 1,
            gradient,
            self._plan,
            self._shares,
            messages.numpy(),
            slopes.numpy(),
            factor.numpy(),
            pairs.numpy(),
            by_constant.numpy(),
            by_local.numpy(),
            by_pair.numpy(),
        )
        return by_constant[self._place], by_local[self._place], by_pair
