"""A model at one inverse temperature: a distribution over spins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphar._support.checks import check_count, check_spins
from graphar._support.seeds import Source, choose_key
from graphar.hamiltonians import IsingGraph
from graphar.kernels.base import CHUNK, Samples
from graphar.partial_elimination.tables import CoreSamples, CoreTables

if TYPE_CHECKING:
    from graphar.models.autoregressive import Autoregressive

__all__ = ["Distribution", "check_distribution"]

_HELD = 2**28  # numbers that one pass over part of a batch may hold: bounds memory, not the batch


class Distribution:
    """A model at one β: samples, log-probabilities and conditionals, spins (..., N) in site order."""

    def __init__(self, model: Autoregressive, beta: float) -> None:
        self.model = model
        self.beta = beta
        self.tables: CoreTables | None
        self._learner, self.tables = model.learner_at(beta)

    @property
    def graph(self) -> IsingGraph:
        return self.model.graph

    @property
    def learned(self) -> bool:
        """Whether the head draws any site; if none, this is the Boltzmann distribution itself."""
        return self._learner is not None

    def sample(self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples of q, ±1, shape (num_samples, N); see :meth:`sample_with_log_prob`."""
        return self.sample_with_log_prob(num_samples, seed=seed, generator=generator)[0]

    def sample_with_log_prob(
        self, num_samples: int, *, seed: int | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Independent samples of q and their log-probabilities.

        Sample s of site i has random bits of its own, which depend on the seed, s and i alone (with exact sites, also
        on the order and width): a longer run begins with the shorter one's samples, whatever kernel, chunks, threads.

        Args:
            num_samples: how many.
            seed: of their random bits; or
            generator: one that goes on where it stands, torch's default one if neither is given.

        Returns:
            Spins ±1 of shape (num_samples, N) in the model's dtype, and log q in nats, float64, (num_samples,).

        Raises:
            ValueError: both seed and generator are given.
        """
        spins, log_prob = [], []
        for drawn in self.draw(num_samples, choose_key(seed, generator, "samples")):
            spins.append(drawn.spins.to(self.model.device, self.model.dtype))
            log_prob.append(drawn.full_log_prob)
        return _joined(spins), _joined(log_prob)

    def draw(self, num_samples: int, source: Source, differentiable: bool = False) -> Iterator[Samples | CoreSamples]:
        """Samples in chunks of bounded memory, with log q and energy (without the offset).

        Where some sites are exact, log q and energy are those of the core, and the exact spins are drawn when a chunk
        is asked for its ``spins`` or ``full_log_prob``.

        Args:
            num_samples: how many.
            source: the key of all their random bits, or a generator that draws it.
            differentiable: whether ``log_prob`` carries the gradient with respect to the weights.
        """
        total, chunk = check_count(num_samples, "num_samples"), self.chunk_size
        key = source if isinstance(source, int) else choose_key(None, source, "samples")
        for first in range(0, total, chunk):
            count, drawn = min(chunk, total - first), None
            if self._learner is not None:
                kernel, couplings = self._learner
                drawn = kernel.sample(self.beta, couplings, key, first, count, differentiable)
            if self.tables is not None:
                yield CoreSamples(self.tables, drawn, key, first, count)
            elif drawn is not None:
                yield drawn

    def log_prob(self, spins: Tensor) -> Tensor:
        """log q of given spins, Σ_i log σ(x_i logit_i) in nats, float64, shape (...); differentiable in the weights."""
        parts = [self._log_prob(x) for x in self._flat(spins).split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape[:-1])

    def core_log_prob(self, spins: Tensor) -> Tensor:
        """log q of the core of spins (batch, N), or of all of them where no site is exact; differentiable."""
        return self.learned_log_prob(self._learned(spins))

    def learned_log_prob(self, spins: Tensor) -> Tensor:
        """log q of spins (batch, n) that the head draws, by core number, or by site where none is exact."""
        if self._learner is None:
            return torch.zeros(len(spins), dtype=torch.float64)
        kernel, couplings = self._learner
        return kernel.log_prob(self.beta, couplings, spins)

    def logits(self, spins: Tensor) -> Tensor:
        """log q(x_i = +1 | x_<i) − log q(x_i = −1 | x_<i) for every site of given spins, shape (..., N)."""
        parts = [self._logits(x) for x in self._flat(spins).split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape)

    def _log_prob(self, spins: Tensor) -> Tensor:
        log_prob = self.core_log_prob(spins)
        return log_prob if self.tables is None else log_prob + self.tables.log_prob(spins).to(log_prob.device)

    def _logits(self, spins: Tensor) -> Tensor:
        if self.tables is None:
            return self._core_logits(spins)
        logits = self.tables.logits(spins).to(self.model.device, self.model.dtype)
        if self._learner is None:
            return logits
        return logits.index_copy(1, self.tables.core.sites.to(logits.device), self._core_logits(spins))

    def _core_logits(self, spins: Tensor) -> Tensor:
        assert self._learner is not None
        kernel, couplings = self._learner
        return kernel.logits(self.beta, couplings, self._learned(spins))

    def _learned(self, spins: Tensor) -> Tensor:
        """Spins of the sites that the head draws."""
        return spins if self.tables is None else spins[:, self.tables.core.sites.to(spins.device)]

    def _flat(self, spins: Tensor) -> Tensor:
        x = check_spins(spins, self.model.num_spins).to(self.model.device)
        return x.reshape(-1, self.model.num_spins)

    @property
    def chunk_size(self) -> int:
        """Samples that are held at once."""
        kernel, model = self.model.kernel, self.model
        held = 0 if kernel is None else kernel.num_arrivals + 4 * kernel.num_spins
        if self.tables is not None:
            held += 8 * model.num_spins
        fits = _HELD // held
        return max(CHUNK, fits // CHUNK * CHUNK)

    def __repr__(self) -> str:
        return f"Distribution(beta={self.beta:g}, {self.model.head_config}, {self.graph!r})"


def check_distribution(q: Any) -> Distribution:
    """A model at its inverse temperature, and not the model alone."""
    if not isinstance(q, Distribution):
        raise ValueError(f"q must be a model at its inverse temperature, model.at(beta), got {type(q).__name__}")
    return q


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
