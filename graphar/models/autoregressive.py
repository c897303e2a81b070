"""Graph + ordering + head → a model; the model at an inverse temperature → a distribution.

q(x) = Π_i q(x_i | x_<i),   q(x_i | x_<i) = σ(x_i logit_i),   log q = Σ_i log σ(x_i logit_i)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from graphar._support.checks import check_beta
from graphar._support.seeds import make_generator
from graphar.frontier import Frontier, build_frontier
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.heads import BoundHead, Exact, Head, Linear
from graphar.kernels.base import Kernel
from graphar.kernels.select import NAMES, select_kernel
from graphar.models.arguments import arrange, arrange_exact
from graphar.models.distribution import Distribution
from graphar.models.flips import FlipPass, flip_passes
from graphar.models.parts import ExactPart, ExactSites, LearnedPart, LearnedSites, NoExactSites, NoLearnedSites
from graphar.ordering import Ordering
from graphar.partial_elimination.plan import Core
from graphar.partial_elimination.tables import tables_at

__all__ = ["Autoregressive", "check_model"]

DTYPES = (torch.float32, torch.float64)


class Autoregressive(nn.Module):
    r"""Autoregressive network on the interaction graph of an Ising model, or of many-body spins.

    .. math:: q(x) = \prod_i \sigma(x_i \, \text{logit}_i(x_{<i}))

    Args:
        graph: couplings and fields; or interactions of any numbers of spins, whose messages are those of
            :mod:`graphar.frontier`.
        head: what gives the conditionals, configured (``ga.heads.Linear(bias=False)``) or a class for its defaults.
        ordering: sampling order of the sites, or the function that makes one (``ga.bfs``). By default the head's own:
            reverse Cuthill–McKee, which linear heads fit best, nested dissection for message passing; with an
            ``exact_width``, :func:`graphar.core_first`.
        frontier: ``"component"``, or ``"all"`` for TwoBo's own pairs.
        exact_width: the dial. A site is exact, its conditional computed by variable elimination, when it and its
            descendants in the elimination tree have separators of at most so many spins; the head learns the others.
            0 learns all sites; the ordering's own width and above leave nothing to learn; ``"auto"`` is the largest
            that fits in ``memory``.
        radius: largest distance, through undrawn spins, from a spin to those of its frontier that it reads: makes
            the number of pairs O(N) on any sparse graph; not limited by default. Of a core, in steps on its own graph.
        kernel: ``"reference"`` for torch level by level, ``"numba"`` for compiled loops on the CPU,
            ``"triton"`` for the fused sweep on a GPU; ``"auto"`` for compiled loops on the CPU, and on a GPU for the
            fused sweep where the head has one and Triton is installed, else for recorded launches.
        seed: of the starting weights.
        dtype: floating type of weights and messages.
        memory: bytes that the tables of the exact sites may take.

    Raises:
        ValueError: the ordering belongs to another graph, tables do not fit in ``memory``, or ``graph`` is a batch or
            breaks its format's rules.

    >>> import graphar as ga
    >>> model = Autoregressive(ga.grid((4, 4), couplings="ferromagnet"))
    >>> model.at(0.3).sample(5, seed=0).shape
    torch.Size([5, 16])
    """

    def __init__(
        self,
        graph: IsingGraph | SpinHypergraph,
        head: Head | type[Head] = Linear,
        ordering: Ordering | Callable[[Any], Ordering] | None = None,
        frontier: str = "component",
        *,
        exact_width: int | Literal["auto"] = 0,
        radius: int | None = None,
        kernel: str = "auto",
        memory: float = 1e9,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        check_hamiltonian(graph, alone=True)
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
        graph.validate()
        graph = graph.clone()  # what the model was made for, whatever becomes of the caller's
        if kernel not in NAMES:
            raise ValueError(f'kernel must be "auto", "reference", "numba" or "triton", got {kernel!r}')
        if not (isinstance(memory, (int, float)) and memory > 0):
            raise ValueError(f"memory must be a positive number of bytes, got {memory!r}")
        plain = head() if isinstance(head, type) and issubclass(head, Head) else head
        if not isinstance(plain, Head):
            raise ValueError(f"head must be a head or its class, got {head!r}")
        if isinstance(plain, Exact):
            if exact_width not in (0, max(1, graph.num_spins)) or radius is not None:
                raise ValueError("exact_width and radius must be left out where the head is Exact: every site is exact")
            chosen = arrange_exact(graph, ordering, memory)
        else:
            chosen = arrange(graph, plain, ordering, exact_width, memory)
        self.graph = graph
        self.ordering = order = chosen.ordering
        self.exact_width = chosen.exact_width
        whole = chosen.frontier
        self.core = Core(whole or build_frontier(order), self.exact_width, memory) if self.exact_width else None
        if self.core is not None and self.core.graph is not None:  # numbered by rank
            order = Ordering(self.core.graph, torch.arange(self.core.num_spins), order.name)
        config = plain.default_on_core() if self.core and isinstance(head, type) else plain
        config.check_graph(graph)
        known = self.core.frontier if self.core else whole
        if known is None or known.ordering is not order or (frontier, radius) != ("component", None):
            known = build_frontier(order, frontier, radius)
        self.frontier: Frontier = known
        self.head_config = config
        self.head: BoundHead | None = None
        if self.core is None or self.core.num_spins:
            self.head = config.bind(self.frontier, generator=make_generator(seed, None, "weights"), dtype=dtype)
        self.trained_beta: float | None = None
        self.kernel_name = kernel
        self._field: Tensor  # carries type and device, which a head without weights does not
        self.register_buffer("_field", graph.h.to(dtype), persistent=False)
        self._make_kernel()

    def _make_kernel(self) -> None:
        self.kernel: Kernel | None = None
        self._parts: dict[float, tuple[LearnedPart, ExactPart]] = {}  # at the last β asked for
        if self.head is not None:
            make = select_kernel(self.kernel_name, self.head, self.device)
            self.kernel = make(self.frontier, self.head, self.dtype, self.device)
            self._taken = None if self.core else self.kernel.graph_couplings(self.frontier)  # the same at every β

    def parts_at(self, beta: float) -> tuple[LearnedPart, ExactPart]:
        """What the head draws and what is exact at one β; the head's couplings are those that exact sites leave."""
        if beta not in self._parts:
            self._parts = {beta: self._make_parts(beta)}
        return self._parts[beta]

    def _make_parts(self, beta: float) -> tuple[LearnedPart, ExactPart]:
        if self.core is None:
            assert self.kernel is not None
            assert self._taken is not None
            return LearnedSites(self.kernel, self._taken, beta, self.frontier.arrival_weight), NoExactSites()
        tables = tables_at(self.core, beta)
        if self.kernel is None:
            return NoLearnedSites(self.dtype), ExactSites(tables)
        couplings, field = tables.effective_couplings
        couplings = self.core.by_arrival(self.frontier, couplings)
        taken = self.kernel.take_couplings(couplings, field)
        return LearnedSites(self.kernel, taken, beta, couplings), ExactSites(tables)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # what torch calls for .to(), .double(), …: couplings are taken anew from the graph, not rounded twice
        probe = fn(self._field)
        if probe.dtype not in DTYPES:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {probe.dtype}")
        if self.head is not None:
            select_kernel(self.kernel_name, self.head, probe.device)
        super()._apply(fn, recurse)
        self._make_kernel()
        return self

    @cached_property
    def flip_passes(self) -> list[FlipPass]:
        """Which sites are turned over together by :meth:`Distribution.flip_log_ratios`."""
        return flip_passes(self.core, self.frontier, self.head)

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
        """The frontier's table, headed by head and number of weights; with a dial, what each width would take."""
        lines = [f"{self.head_config}, {self.num_parameters:,} weights"]
        if self.core is not None:
            lines.append(self.core.describe())
        if self.head is not None:
            lines.append(self.frontier.describe(batch_size))
        return "\n".join(lines)

    def extra_repr(self) -> str:
        dial = f"exact_width {self.exact_width}, " if self.exact_width else ""
        return f"{self.graph!r}, {self.ordering.name} order, {dial}{self.num_parameters} weights"


def check_model(model: Any) -> Autoregressive:
    """A model, and not its distribution at some inverse temperature."""
    if isinstance(model, Distribution):
        raise ValueError("model must be an Autoregressive, got the distribution of one at its beta: pass model itself")
    if not isinstance(model, Autoregressive):
        raise ValueError(f"model must be an Autoregressive, got {type(model).__name__}")
    return model
