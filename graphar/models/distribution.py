"""A model at one inverse temperature: a distribution over spins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from graphar._support.checks import check_count, check_spins
from graphar._support.seeds import Source, choose_key
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.heads import Head
from graphar.kernels.base import CHUNK, Samples
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.flips import FlipPass, flip_log_ratios
from graphar.models.parts import ExactPart, LearnedPart, NoExactSites, NoLearnedSites

__all__ = ["Distribution", "check_distribution"]

_HELD = 2**28  # numbers that one pass over part of a batch may hold: bounds memory, not the batch


class Model(Protocol):
    """What a distribution takes from its model."""

    graph: IsingGraph | SpinHypergraph
    head_config: Head
    trained_beta: float | None

    @property
    def num_spins(self) -> int: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def device(self) -> torch.device: ...
    def at(self, beta: float) -> Distribution: ...
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def parts_at(self, beta: float) -> tuple[LearnedPart, ExactPart]: ...
    @property
    def flip_passes(self) -> list[FlipPass]: ...


class Distribution:
    """A model at one β: samples, log-probabilities and conditionals, spins (..., N) in site order."""

    def __init__(self, model: Model, beta: float) -> None:
        self.model = model
        self.beta = beta
        self.learned_part, self.exact_part = model.parts_at(beta)

    @property
    def graph(self) -> IsingGraph | SpinHypergraph:
        return self.model.graph

    @property
    def learned(self) -> bool:
        """Whether the head draws any site; if none, this is the Boltzmann distribution itself."""
        return not isinstance(self.learned_part, NoLearnedSites)

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

    def draw(self, num_samples: int, source: Source, differentiable: bool = False, first: int = 0) -> Iterator[Samples]:
        """Samples in chunks of bounded memory, with log q and energy (without the offset).

        Where some sites are exact, log q and energy are those of the core, and the exact spins are drawn when a chunk
        is asked for its ``spins`` or ``full_log_prob``.

        Args:
            num_samples: how many.
            source: the key of all their random bits, or a generator that draws it.
            differentiable: whether ``log_prob`` carries the gradient with respect to the weights.
            first: number of the first of them, a multiple of 64.
        """
        total, chunk = first + check_count(num_samples, "num_samples"), self.chunk_size
        key = source if isinstance(source, int) else choose_key(None, source, "samples")
        for start in range(first, total, chunk):
            drawn = self.learned_part.sample(key, start, min(chunk, total - start), differentiable)
            yield self.exact_part.complete(drawn, key, start)

    def log_prob(self, spins: Tensor) -> Tensor:
        """log q of given spins, Σ_i log σ(x_i logit_i) in nats, float64, shape (...); differentiable in the weights."""
        parts = [self._log_prob(x) for x in self._flat(spins).split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape[:-1])

    def core_log_prob(self, spins: Tensor) -> Tensor:
        """log q of the core of spins (batch, N), or of all of them where no site is exact; differentiable."""
        return self.learned_part.log_prob(self.exact_part.learned_spins(spins))

    def logits(self, spins: Tensor) -> Tensor:
        """log q(x_i = +1 | x_<i) − log q(x_i = −1 | x_<i) for every site of given spins, shape (..., N)."""
        parts = [self._logits(x) for x in self._flat(spins).split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape)

    @torch.no_grad()
    def flip_log_ratios(self, spins: Tensor) -> Tensor:
        r"""How log q changes with each spin: log q(x^i) − log q(x), x^i being x with spin i turned over.

        Only the conditionals that read spin i, and its own, are compared. Linear heads on a CPU need one logistic
        function for each of them. Of others, where each conditional reads few spins, many i share a pass over the
        graph: width + 1 passes in all, as many as the tree is high for message passing, N for heads that read all
        earlier spins.

        Args:
            spins: ±1, shape (..., N).

        Returns:
            In nats, float64, shape (..., N); without gradient.

        Raises:
            ValueError: spins that are not ±1 of shape (..., N).

        >>> import graphar as ga
        >>> q = ga.Autoregressive(ga.chain(3, couplings="ferromagnet"), ga.heads.Exact).at(0.5)
        >>> q.flip_log_ratios(torch.ones(3))  # −β times what each flip costs
        tensor([-1., -2., -1.], dtype=torch.float64)
        """
        flat = self._flat(spins).to(self.model.dtype)
        parts = [self._flip_log_ratios(x) for x in flat.split(self.chunk_size)]
        return _joined(parts).reshape(torch.as_tensor(spins).shape)

    def _flip_log_ratios(self, spins: Tensor) -> Tensor:
        direct = self.learned_part.flip_log_ratios(spins) if isinstance(self.exact_part, NoExactSites) else None
        return flip_log_ratios(self, self.model.flip_passes, spins) if direct is None else direct

    def _log_prob(self, spins: Tensor) -> Tensor:
        return self.exact_part.add_log_prob(self.core_log_prob(spins), spins)

    def _logits(self, spins: Tensor) -> Tensor:
        return self.exact_part.add_logits(self.learned_part.logits(self.exact_part.learned_spins(spins)), spins)

    def _flat(self, spins: Tensor) -> Tensor:
        with torch_alone():  # torch's threads would go on turning for a while, beside those of the loops to come
            x = check_spins(spins, self.model.num_spins).to(self.model.device)
        return x.reshape(-1, self.model.num_spins)

    @property
    def chunk_size(self) -> int:
        """Samples that are held at once."""
        fits = _HELD // (self.learned_part.held + self.exact_part.held)
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
