"""The contract between heads and kernels.

A **head** is a configured, graph-free object (``Linear(bias=False)``). Binding it to a frontier gives a torch
module with the parameters of that graph, a **bound head**. A kernel hands a bound head the inputs of a set of
spins that may be drawn together, and gets their logits

    logit_i = log q(x_i = +1 | x_<i) − log q(x_i = −1 | x_<i).

The inputs are the field h_i, the local message ξ_ii and what the bound head names in ``reads``, which fixes the
levels of its spins: the messages ξ_il on the frontier, the spins x_P(i), all earlier spins or their sum. Heads that
read beyond P(i) draw one spin at a time, and no choice of frontier or radius limits them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads.inputs import SiteInputs
from graphar.ordering import Ordering, rcm
from graphar.ordering.reads import Reads

__all__ = ["BoundHead", "CompiledHead", "Head", "LinearCoefficients", "LinearHead", "check_scale", "readers_of"]


class BoundHead(nn.Module, ABC):
    """A head with the parameters of one frontier: inputs to logits."""

    reads: Reads = Reads.MESSAGES
    """What is read beside h_i and ξ_ii."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.reads = Reads(cls.reads)  # which may have been named by a plain string

    @abstractmethod
    def forward(self, inputs: SiteInputs) -> Tensor:
        """Logits of the spins ``inputs.ranks``, shape (n, batch)."""

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        """Which filter each weight belongs to, by the name of its tensor: numbers that broadcast to its shape.

        A filter is what one unit weighs: the weights of one reader, in one layer. By default it is a row of a tensor,
        along its first axis, or the whole of one that has a single axis, such as biases.
        """
        return {
            name: torch.arange(weight.shape[0]).reshape(-1, *[1] * (weight.dim() - 1))
            if weight.dim() > 1
            else torch.zeros(1, dtype=torch.int64)
            for name, weight in self.named_parameters()
        }

    def levels(self, frontier: Frontier) -> Tensor:
        """Step at which each rank can be drawn, (N,): what ``reads`` says, unless a head passes on less than that."""
        return frontier.levels(self.reads)

    def new_memory(self, batch: int) -> Any:
        """What ``inputs.memory`` holds while a batch is drawn, for heads that pass something on from spin to spin."""
        return None


class CompiledHead(BoundHead):
    """A bound head whose logits are given to compiled kernels as plain tensors.

    Which kernel reads them is said in one table, :mod:`graphar.kernels.select`.
    """

    @abstractmethod
    def coefficients(self, beta: float, field: Tensor) -> Any:
        """A NamedTuple of tensors, differentiable in the weights; ``field`` is h by rank, (N,)."""


class LinearCoefficients(NamedTuple):
    """Logits that are linear in what a head reads: logit_i = constant_i + local_i ξ_ii + Σ pairs × values.

    Attributes:
        constant, local: by rank, shape (N,).
        pairs: by pair of the inbox, shape (P,).
    """

    constant: Tensor
    local: Tensor
    pairs: Tensor


class LinearHead(CompiledHead):
    """A bound head whose logits are linear in what it reads."""

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        return super().filters(frontier) | {"weight": readers_of(frontier, self.reads)}

    @abstractmethod
    def coefficients(self, beta: float, field: Tensor) -> LinearCoefficients:
        """The same logits as plain tensors."""


class Head(ABC):
    """A configured architecture, without a graph."""

    learning_rate: ClassVar[float] = 1e-2
    """Rate of Adam in :func:`graphar.anneal` where none is asked for."""

    weights_by_site: ClassVar[bool] = False
    """Whether every weight belongs to one site, or to a pair of one component: models of many graphs are then one."""

    @classmethod
    def default_on_core(cls) -> Head:
        """What the bare class means where narrow sites are exact and the head draws the others."""
        return cls()

    def default_ordering(self, graph: IsingGraph | SpinHypergraph) -> Ordering:
        """The order in which this head does best where all sites are learned, and none is asked for."""
        return rcm(graph)

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that make this head again: plain numbers, strings and flags."""

    def check_graph(self, graph: IsingGraph | SpinHypergraph) -> None:
        """Nothing where the head can draw the spins of a graph, by default any, some of them exact or none.

        Raises:
            ValueError: it cannot.
        """
        del graph  # which heads of a rule look at

    @abstractmethod
    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        """Module with the parameters for ``frontier``, initialised from ``generator``."""


def readers_of(frontier: Frontier, reads: Reads) -> Tensor:
    """The spin that each entry of what is read belongs to, by rank, in the order of the lists of the frontier."""
    return torch.repeat_interleave(torch.arange(frontier.num_spins), frontier.read_lists(reads)[0].diff())


def check_scale(scale: float) -> None:
    """Size of starting weights: a finite number, not negative."""
    if not isinstance(scale, Real) or not math.isfinite(scale) or scale < 0:
        raise ValueError(f"scale must be finite and not negative, got {scale!r}")
