"""Graph + ordering + head → a model; the model at an inverse temperature → a distribution.

q(x) = Π_i q(x_i | x_<i),   q(x_i | x_<i) = σ(x_i logit_i),   log q = Σ_i log σ(x_i logit_i)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Self

import torch
from torch import Tensor, nn

from graphar._checks import check_beta, check_count, check_spins
from graphar._random import make_generator
from graphar.frontier import build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.heads import BoundHead, Head, Linear
from graphar.kernels import Kernel, NumbaKernel, NumbaLevelsKernel, RecordedKernel, ReferenceKernel, Sampled
from graphar.kernels.base import CHUNK
from graphar.kernels.philox import make_key
from graphar.ordering import Ordering, rcm

__all__ = ["Autoregressive", "Distribution"]

DTYPES = (torch.float32, torch.float64)
_HELD = 2**28  # numbers that one pass over part of a batch may hold: bounds memory, not the batch


class Autoregressive(nn.Module):
    r"""Autoregressive network on the interaction graph of an Ising model.

    .. math:: q(x) = \prod_i \sigma(x_i \, \text{logit}_i(x_{<i}))

    Args:
        graph: couplings and fields.
        head: what gives the conditionals, configured (``ga.heads.Linear(bias=False)``) or a class for its defaults.
        ordering: sampling order of the sites, or the function that makes one (``ga.bfs``); reverse Cuthill–McKee
            by default, which linear heads fit best.
        frontier: ``"component"``, or ``"all"`` for TwoBo's own pairs.
        radius: largest distance, through undrawn spins, from a spin to those of its frontier that it reads: makes
            the number of pairs O(N) on any sparse graph; not limited by default.
        kernel: ``"reference"`` for torch level by level, ``"numba"`` for compiled loops on the CPU, ``"auto"`` for
            the latter there, and for recorded launches on a GPU.
        seed: of the starting weights.
        dtype: floating type of weights and messages.

    Raises:
        ValueError: the ordering belongs to another graph, or ``graph`` is a batch or breaks its format's rules.

    >>> import graphar as ga
    >>> model = Autoregressive(ga.grid((4, 4), couplings="ferromagnet"))
    >>> model.at(0.3).sample(5, seed=0).shape
    torch.Size([5, 16])
    """

    def __init__(
        self,
        graph: IsingGraph,
        head: Head | type[Head] = Linear,
        ordering: Ordering | Callable[[IsingGraph], Ordering] | None = None,
        frontier: str = "component",
        *,
        radius: int | None = None,
        kernel: str = "auto",
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not isinstance(graph, IsingGraph):
            raise ValueError(f"graph must be an IsingGraph, got {type(graph).__name__}")
        if getattr(graph, "batch", None) is not None:
            raise ValueError(f"graph must be one graph, got a batch of {graph.num_graphs}")
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
        graph.validate()
        config = head() if isinstance(head, type) else head
        if not isinstance(config, Head):
            raise ValueError(f"head must be a head or its class, got {head!r}")
        graph = graph.clone()  # what the model was made for, whatever becomes of the caller's
        if not isinstance(ordering, Ordering):
            ordering = (ordering or rcm)(graph)
        elif ordering.graph is not graph:
            # An ordering serves any couplings and fields on its edges; the model's are those of `graph`.
            if not _same_edges(ordering.graph, graph):
                raise ValueError(f"ordering must be of this graph, got one of {ordering.graph!r}")
            ordering = Ordering(graph, ordering.sites, ordering.name)
        self.graph = graph
        self.ordering = ordering
        self.frontier = build_frontier(ordering, frontier, radius)
        self.head_config = config
        self.head = config.bind(self.frontier, generator=make_generator(seed, None), dtype=dtype)
        self.trained_beta: float | None = None
        self.kernel_name = kernel
        self._field: Tensor  # carries type and device, which a head without weights does not
        self.register_buffer("_field", graph.h.to(dtype), persistent=False)
        self.kernel = self._make_kernel()

    def _make_kernel(self) -> Kernel:
        make = _kernel(self.kernel_name, self.head, self.device)
        return make(self.frontier, self.head, self.dtype, self.device)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # what torch calls for .to(), .double(), …: couplings are taken anew from the graph, not rounded twice
        super()._apply(fn, recurse)
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {self.dtype}")
        self.kernel = self._make_kernel()
        return self

    @property
    def num_spins(self) -> int:
        """N."""
        return self.graph.num_spins

    @property
    def num_parameters(self) -> int:
        """Number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of messages and logits."""
        return self._field.dtype

    @property
    def device(self) -> torch.device:
        return self._field.device

    def at(self, beta: float) -> Distribution:
        """The model at inverse temperature ``beta``: a distribution over spins that shares its weights.

        Training fits the weights to one β at a time: away from the last one, ``trained_beta``, the model is a
        poorer approximation, as bound and ESS of :func:`graphar.free_energy` will tell.
        """
        return Distribution(self, check_beta(beta))

    def describe(self, batch_size: int = 1024) -> str:
        """The frontier's table, headed by head and number of weights."""
        return f"{self.head_config}, {self.num_parameters:,} weights\n{self.frontier.describe(batch_size)}"

    def extra_repr(self) -> str:
        return f"{self.graph!r}, {self.ordering.name} order, {self.num_parameters} weights"


class Distribution:
    """A model at one β: samples, log-probabilities and conditionals, spins (..., N) in site order."""

    def __init__(self, model: Autoregressive, beta: float) -> None:
        self.model = model
        self.beta = beta

    @property
    def graph(self) -> IsingGraph:
        return self.model.graph

    def sample(self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples of q, ±1, shape (num_samples, N); see :meth:`sample_with_log_prob`."""
        return self.sample_with_log_prob(num_samples, seed=seed, generator=generator)[0]

    def sample_with_log_prob(
        self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Independent samples of q and their log-probabilities.

        Sample s of site i has random bits of its own, which depend on the seed, s and i alone: a longer run begins
        with the shorter one's samples, whatever the kernel, order, chunks and threads.

        Args:
            num_samples: how many.
            seed: of a fresh generator; or
            generator: one that goes on where it stands.

        Returns:
            Spins ±1 of shape (num_samples, N) in the model's dtype, and log q in nats, float64, (num_samples,).

        Raises:
            ValueError: neither seed nor generator, or both, are given.
        """
        spins, log_prob = [], []
        for drawn in self.draw(num_samples, make_generator(seed, generator)):
            spins.append(drawn.spins)
            log_prob.append(drawn.log_prob)
        return _joined(spins), _joined(log_prob)

    def draw(self, num_samples: int, generator: torch.Generator, differentiable: bool = False) -> Iterator[Sampled]:
        """Samples in chunks of bounded memory, with log q and energy (without the offset).

        Args:
            num_samples: how many.
            generator: draws the key of all their random bits.
            differentiable: whether ``log_prob`` carries the gradient with respect to the weights.
        """
        count, chunk, key = check_count(num_samples, "num_samples"), self.chunk_size, make_key(generator)
        for first in range(0, count, chunk):
            yield self.model.kernel.sample(self.beta, key, first, min(chunk, count - first), differentiable)

    def log_prob(self, spins: Tensor) -> Tensor:
        """log q of given spins, Σ_i log σ(x_i logit_i) in nats, float64, shape (...); differentiable in the weights."""
        rows = self._flat(spins)
        parts = [self.model.kernel.log_prob(self.beta, x) for x in rows.split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape[:-1])

    def logits(self, spins: Tensor) -> Tensor:
        """log q(x_i = +1 | x_<i) − log q(x_i = −1 | x_<i) for every site of given spins, shape (..., N)."""
        rows = self._flat(spins)
        parts = [self.model.kernel.logits(self.beta, x) for x in rows.split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape)

    def _flat(self, spins: Tensor) -> Tensor:
        x = check_spins(spins, self.model.num_spins).to(self.model.device)
        return x.reshape(-1, self.model.num_spins)

    @property
    def chunk_size(self) -> int:
        """Samples that are held at once."""
        fits = _HELD // (self.model.kernel.num_arrivals + 4 * self.model.num_spins)
        return max(CHUNK, fits // CHUNK * CHUNK)

    def __repr__(self) -> str:
        return f"Distribution(beta={self.beta:g}, {self.model.head_config}, {self.graph!r})"


def _kernel(name: str, head: BoundHead, device: torch.device) -> type[Kernel]:
    if name not in ("auto", "reference", "numba"):
        raise ValueError(f'kernel must be "auto", "reference" or "numba", got {name!r}')
    if name == "numba" and device.type != "cpu":
        raise ValueError(f'kernel must be "auto" or "reference" for a model on {device}, got "numba"')
    linear = type(head).linear_form is not BoundHead.linear_form
    if name == "reference":
        return ReferenceKernel
    if name == "auto" and device.type != "cpu":
        return RecordedKernel
    return NumbaKernel if linear else NumbaLevelsKernel


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _same_edges(graph: IsingGraph, other: IsingGraph) -> bool:
    return graph.num_nodes == other.num_nodes and torch.equal(graph.edge_index, other.edge_index)
