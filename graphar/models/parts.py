"""The two parts of a model at one β: sites that a head draws, sites that are exact. Either may be empty.

The head draws its sites first, of couplings that the exact ones have changed; the exact sites complete what it drew:

.. math:: \\log q(x) = \\log q_\\text{learned}(x_\\text{core}) + \\log p(x_\\text{exact} \\,|\\, x_\\text{core})
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from graphar.kernels.base import CHUNK, Couplings, Kernel, Samples
from graphar.partial_elimination.tables import CoreSamples, CoreTables

__all__ = ["ExactPart", "ExactSites", "LearnedPart", "LearnedSites", "NoExactSites", "NoLearnedSites"]


class LearnedPart(ABC):
    """Sites that a head draws, by core number, or by site where none is exact.

    Attributes:
        held: numbers that a sample takes while it is drawn.
        compiled: whether compiled loops draw them.
    """

    held: int
    compiled: bool

    @abstractmethod
    def sample(self, key: int, first: int, count: int, differentiable: bool = False) -> Samples:
        """Samples ``first`` to ``first + count`` of the stream ``key``; see :meth:`graphar.kernels.Kernel.sample`."""

    @abstractmethod
    def log_prob(self, spins: Tensor) -> Tensor:
        """log q of spins (batch, n), float64, (batch,); differentiable in the weights."""

    @abstractmethod
    def logits(self, spins: Tensor) -> Tensor:
        """Logits of all n sites given the earlier ones, (batch, n); differentiable in the weights."""

    def flip_log_ratios(self, spins: Tensor) -> Tensor | None:
        """See :meth:`graphar.kernels.Kernel.flip_log_ratios`."""
        return None


class LearnedSites(LearnedPart):
    """A kernel with couplings and fields, at one β.

    Attributes:
        kernel: of the model's head.
        couplings: J by arrival of the head's frontier, those that the exact sites leave where there are any.
    """

    def __init__(self, kernel: Kernel, taken: Couplings, beta: float, couplings: Tensor) -> None:
        self.kernel, self._taken, self._beta, self.couplings = kernel, taken, beta, couplings
        self.held, self.compiled = kernel.held, kernel.compiled

    def sample(self, key: int, first: int, count: int, differentiable: bool = False) -> Samples:
        return self.kernel.sample(self._beta, self._taken, key, first, count, differentiable)

    def log_prob(self, spins: Tensor) -> Tensor:
        return self.kernel.log_prob(self._beta, self._taken, spins)

    def logits(self, spins: Tensor) -> Tensor:
        return self.kernel.logits(self._beta, self._taken, spins)

    def flip_log_ratios(self, spins: Tensor) -> Tensor | None:
        return self.kernel.flip_log_ratios(self._beta, self._taken, spins)


class NoLearnedSites(LearnedPart):
    """Every site is exact, and every batch drawn is of no spins."""

    held, compiled = 0, False

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype

    def sample(self, key: int, first: int, count: int, differentiable: bool = False) -> Samples:
        rows = torch.empty(-(-count // CHUNK), 0, CHUNK, dtype=self._dtype)
        nothing = torch.zeros(count, dtype=torch.float64)
        return Samples(rows, torch.empty(0, dtype=torch.int64), nothing, nothing)

    def log_prob(self, spins: Tensor) -> Tensor:
        return torch.zeros(len(spins), dtype=torch.float64)

    def logits(self, spins: Tensor) -> Tensor:
        return torch.empty(len(spins), 0, dtype=self._dtype)


class ExactPart(ABC):
    """Sites whose conditionals are exact, given those that a head draws.

    Attributes:
        held: numbers that a sample takes while it is completed.
    """

    held: int

    @abstractmethod
    def complete(self, drawn: Samples, key: int, first: int) -> Samples:
        """Samples of all sites from those of the learned ones, drawn from ``first`` on of the stream ``key``."""

    @abstractmethod
    def learned_spins(self, spins: Tensor) -> Tensor:
        """Those of the learned sites, (batch, n), of configurations (batch, N)."""

    @abstractmethod
    def add_log_prob(self, log_prob: Tensor, spins: Tensor) -> Tensor:
        """log q of configurations (batch, N) from that of their learned sites."""

    @abstractmethod
    def add_logits(self, logits: Tensor, spins: Tensor) -> Tensor:
        """Logits of all sites (batch, N) from those of the learned ones (batch, n)."""


class NoExactSites(ExactPart):
    """The head draws all sites."""

    held = 0

    def complete(self, drawn: Samples, key: int, first: int) -> Samples:
        return drawn

    def learned_spins(self, spins: Tensor) -> Tensor:
        return spins

    def add_log_prob(self, log_prob: Tensor, spins: Tensor) -> Tensor:
        return log_prob

    def add_logits(self, logits: Tensor, spins: Tensor) -> Tensor:
        return logits


class ExactSites(ExactPart):
    """Tables of eliminated sites at one β."""

    def __init__(self, tables: CoreTables) -> None:
        self.tables = tables
        self.held = 8 * tables.core.frontier.num_spins

    def complete(self, drawn: Samples, key: int, first: int) -> Samples:
        return CoreSamples(self.tables, drawn, key, first)

    def learned_spins(self, spins: Tensor) -> Tensor:
        return spins[:, self.tables.core.sites.to(spins.device)]

    def add_log_prob(self, log_prob: Tensor, spins: Tensor) -> Tensor:
        return log_prob + self.tables.log_prob(spins).to(log_prob.device)

    def add_logits(self, logits: Tensor, spins: Tensor) -> Tensor:
        every = self.tables.logits(spins).to(logits.device, logits.dtype)
        return every.index_copy(1, self.tables.core.sites.to(logits.device), logits)
