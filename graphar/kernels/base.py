"""The contract of kernels: how samples, log-probabilities and gradients of a bound head are computed.

Spins go in and out as (batch, N) in site order. Sample s of site i is drawn with 32 random bits that depend on the
key, s and i alone (:mod:`graphar.kernels.random_bits`), so every kernel draws the same samples, up to ties at rounding,
in any split of a batch and on any number of threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from graphar.frontier import Frontier
from graphar.heads.base import BoundHead
from graphar.kernels.compiled.threads import guard_forks

__all__ = ["CHUNK", "Couplings", "Kernel", "Samples", "to_site_order"]

CHUNK = 64
"""Samples begin at multiples of this many, so that their random bits need no shifting."""


@dataclass(frozen=True)
class Couplings:
    """Couplings by arrival, (E,), and fields by rank, (N,), of a frontier's graph, in a kernel's type and order.

    Attributes:
        coupling, field: in the order in which the kernel reads them.
        field_of_rank: by rank.
    """

    coupling: Tensor
    field: Tensor
    field_of_rank: Tensor


class Samples:
    """A batch: log q and the energy without offset, float64, shape (batch,); spins (batch, N) on request.

    Kernels keep spins as ``rows``, (blocks, N, width), in an order of their own.
    """

    def __init__(
        self,
        rows: Tensor,
        row_of_site: Tensor,
        log_prob: Tensor,
        energy: Tensor,
        to_sites: Callable[[Tensor, Tensor, int], Tensor] | None = None,
    ) -> None:
        self.rows, self.row_of_site = rows, row_of_site
        self._to_sites = to_sites or to_site_order
        self.log_prob = log_prob
        self.energy = energy

    def __len__(self) -> int:
        return self.energy.numel()

    @cached_property
    def spins(self) -> Tensor:
        """±1, shape (batch, N), site order, in the model's dtype."""
        return self._to_sites(self.rows, self.row_of_site, len(self))

    @property
    def learned(self) -> Tensor:
        """Spins that the head draws: all of them."""
        return self.spins

    @property
    def full_log_prob(self) -> Tensor:
        """log q without its gradient."""
        return self.log_prob.detach()

    def configuration(self, sample: int) -> Tensor:
        """One sample, shape (N,)."""
        block, column = divmod(sample, self.rows.shape[2])
        return self.rows[block, :, column][self.row_of_site]


def to_site_order(rows: Tensor, row_of_site: Tensor, count: int) -> Tensor:
    """Numbers (count, N) of sites from blocks (blocks, N, width), from rows ``row_of_site``; differentiable."""
    return rows.transpose(1, 2).flatten(0, 1)[:count].index_select(1, row_of_site)


class Kernel(ABC):
    """Samples and densities of a bound head over a frontier, on one device in one floating type.

    Attributes:
        compiled: whether compiled loops do the work, and torch little beside them.
    """

    compiled = False

    def __init__(self, frontier: Frontier, head: BoundHead, dtype: torch.dtype, device: torch.device) -> None:
        guard_forks()
        self.head = head
        self.dtype, self.device = dtype, device
        self.num_spins, self.num_arrivals = frontier.num_spins, frontier.num_arrivals

    @property
    def held(self) -> int:
        """Numbers that a sample takes while it is drawn."""
        return self.num_arrivals + 4 * self.num_spins

    def graph_couplings(self, frontier: Frontier) -> Couplings:
        """Those of the graph."""
        sites = frontier.ordering.sites.to(frontier.graph.h.device)
        return self.take_couplings(frontier.arrival_weight, frontier.graph.h[sites])

    def take_couplings(self, coupling: Tensor, field: Tensor) -> Couplings:
        """For couplings by arrival and fields by rank.

        Raises:
            ValueError: numbers that are not finite in the kernel's type.
        """
        coupling, field = coupling.to(self.device, self.dtype), field.to(self.device, self.dtype)
        if not bool(torch.isfinite(field).all() and torch.isfinite(coupling).all()):
            raise ValueError(f"graph must have couplings and fields in the range of {self.dtype}, got larger ones")
        return self._in_order(coupling, field)

    @abstractmethod
    def _in_order(self, coupling: Tensor, field: Tensor) -> Couplings:
        """As the kernel reads them."""

    @abstractmethod
    def sample(
        self, beta: float, couplings: Couplings, key: int, first: int, count: int, differentiable: bool = False
    ) -> Samples:
        """Samples ``first`` to ``first + count`` of the stream ``key``; ``first`` is a multiple of 64.

        Args:
            beta: inverse temperature.
            couplings: couplings and fields.
            differentiable: whether ``log_prob`` carries the gradient with respect to the head's weights.
        """

    @abstractmethod
    def log_prob(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        """log q of spins (batch, N), float64, (batch,); differentiable in the head's weights."""

    @abstractmethod
    def logits(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor:
        """Logits of all sites given the earlier ones of the same configurations, (batch, N); differentiable."""

    def flip_log_ratios(self, beta: float, couplings: Couplings, spins: Tensor) -> Tensor | None:
        """log q(x^i) − log q(x) for every site i of spins (batch, N), float64, (batch, N), without gradient.

        None where the kernel has no shorter way than to compare densities.
        """
        return None
