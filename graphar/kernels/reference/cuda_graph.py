"""The reference algorithm for a GPU: the launches of a whole batch are recorded once and replayed.

A level is a handful of small kernels, whose launches cost more than their work: some 10 µs each against a few. A
CUDA graph replays the levels of a batch in one launch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graphar.kernels.base import Couplings
from graphar.kernels.reference.levels import ReferenceKernel

__all__ = ["CudaGraphKernel"]


class CudaGraphKernel(ReferenceKernel):
    """As :class:`ReferenceKernel`; on CUDA, drawing is a recorded graph for each β, batch and set of weights.

    A batch is recorded when it is asked for the second time in a row, and one recording is kept: training at one β,
    and chunks of one size, replay it. Weights are read where they are stored, so optimiser steps are seen.
    """

    _recording: tuple[Any, _Recording] | None = None
    _last: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_recording", "_last")}

    def _draw(self, beta: float, couplings: Couplings, words: Tensor) -> tuple[Tensor, ...]:
        stored = tuple((weight.data_ptr(), weight.shape) for weight in self.head.parameters())
        key = (beta, id(couplings), words.shape, stored)
        if self._recording is None or self._recording[0] != key:
            if self._last != key:
                self._last = key
                return super()._draw(beta, couplings, words)
            self._recording = None  # frees its memory before the next is made
            draw = super()._draw
            self._recording = (key, _Recording(lambda words: draw(beta, couplings, words), words))
        return self._recording[1](words)


class _Recording:
    """A function of one tensor, recorded on CUDA where the tensor lives there."""

    def __init__(self, function: Callable[[Tensor], tuple[Tensor, ...]], example: Tensor) -> None:
        self.function = function
        with torch.inference_mode(False):  # or it could not be written to outside that mode
            self.words = torch.zeros_like(example)
        self.words.copy_(example)
        self.graph = None
        if example.is_cuda:
            # libraries set themselves up on first use, which may not be recorded: run once on a side stream before
            side = torch.cuda.Stream(example.device)
            side.wait_stream(torch.cuda.current_stream(example.device))
            with torch.cuda.stream(side):
                function(self.words)
            torch.cuda.current_stream(example.device).wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.device(example.device), torch.cuda.graph(self.graph, stream=side):
                self.result = function(self.words)

    def __call__(self, words: Tensor) -> tuple[Tensor, ...]:
        self.words.copy_(words)
        if self.graph is None:
            self.result = self.function(self.words)
        else:
            self.graph.replay()
        return tuple(part.clone() for part in self.result)  # the next replay overwrites them
