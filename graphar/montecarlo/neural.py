r"""Moves that a model proposes: whole configurations, or some of their spins given the earlier ones.

Spins of a set S are drawn anew, in the model's order, each given all that come before it, and accepted together with
probability

.. math:: \min\Big(1,\; e^{-\beta (H(x') - H(x))} \prod_{i \in S} \frac{q(x_i | x_{<i})}{q(x'_i | x'_{<i})}\Big),

which leaves the Boltzmann distribution at β as it is, whatever the model and whatever the β it was made for, as long as
S is chosen without regard to the spins. S is all sites (independence Metropolis), those from a random rank on, or the
subtree of a random site in the elimination tree, whose spins touch no others but their separator.

Independence Metropolis from autoregressive networks: K. A. Nicoli et al., `Phys. Rev. E 101, 023304 (2020)
<https://arxiv.org/abs/1910.13496>`_; B. McNaughton et al., `Phys. Rev. E 101, 053312 (2020)
<https://arxiv.org/abs/2002.04292>`_.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from graphar._support.checks import check_count
from graphar._support.seeds import hash_key
from graphar.kernels.compiled.threads import torch_alone
from graphar.kernels.random_bits import words
from graphar.models.autoregressive import check_model
from graphar.models.distribution import Distribution, check_distribution
from graphar.montecarlo.annealing import sampler_of
from graphar.montecarlo.base import MAX_STEPS, Info, Sampler, State

__all__ = ["PARTS", "ConditionalRedraw", "IndependenceMetropolis", "NeuralMoves"]

PARTS = ("suffix", "subtree")


class NeuralMoves(Sampler):
    """What the moves that a model proposes share; a sweep is one proposal, and sweeps of another sampler after it.

    Args:
        q: the model at an inverse temperature, ``model.at(beta)``, its weights as they are at each step.
        between: a sampler, or a class of them, that sweeps after each proposal; none by default.
        sweeps: of it after each proposal.
    """

    cost = 64
    divisible = False

    def __init__(self, q: Distribution, *, between: Any = None, sweeps: int = 1) -> None:
        super().__init__(check_distribution(q).graph)
        self.q = q
        self.between = None if between is None else sampler_of(between, self.graph)
        self.sweeps_between = check_count(sweeps, "sweeps")

    @torch.no_grad()
    def _advance(self, state: State, betas: np.ndarray, sweeps: int, measure: int) -> tuple[Tensor, Info]:
        last = (state.sweeps + sweeps) * self.sweeps_between
        if self.between is not None and last > MAX_STEPS:
            raise ValueError(f"sweeps must not exceed {MAX_STEPS} of {self.between!r} for one seed, got {last}")
        seed = hash_key(state.seed, f"{type(self).__name__}, between") >> 1
        spins, known = state.spins.clone(), None
        energy, table = self.graph.energy(spins), torch.tensor(betas).expand(-1, state.replicas)
        accepted, flipped = torch.zeros(2, state.replicas, dtype=torch.float64)
        every, energies = sweeps // measure if measure else 0, []
        for k in range(sweeps):
            number, before = state.sweeps + k + 1, spins.clone()
            beta = table[min(k, len(table) - 1)]
            key = hash_key(state.seed, f"{type(self).__name__}, proposals", number)
            proposed, log_ratio, log_q = self._propose(spins, known, key)
            with torch_alone():
                new = self.graph.energy(proposed)
                chance = _uniform(hash_key(key, "accepted"), 1, state.replicas)[0]
                taken = chance.log() < log_ratio - beta * (new - energy)
                spins[taken], energy = proposed[taken], torch.where(taken, new, energy)
                accepted += taken
            known = None if log_q is None else torch.where(taken, *log_q)
            if self.between is not None:
                rest = State(spins, seed, (number - 1) * self.sweeps_between)
                spins = self.between.step(rest, beta, self.sweeps_between, measure=0)[0].spins.cpu()
                energy, known = self.graph.energy(spins), None
            flipped += (spins != before).double().mean(1)
            if measure and (sweeps - 1 - k) % every == 0 and (sweeps - 1 - k) // every < measure:
                energies.append(energy)
        seen = torch.stack(energies) if measure else torch.zeros(0, state.replicas, dtype=torch.float64)
        return spins, Info(seen, flipped / sweeps, accepted / sweeps)

    @abstractmethod
    def _propose(
        self, spins: Tensor, known: Tensor | None, key: int
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        """Spins (R, N), int8; log of the ratio of q, (R,); log q of what is proposed and of what was, to be kept.

        ``known`` is the log q that was kept, or None where it is not known.
        """


class IndependenceMetropolis(NeuralMoves):
    r"""Proposes configurations of a model, each independent of the one before.

    .. math:: P(x \to x') = q(x') \min\Big(1,\; \frac{e^{-\beta H(x')} q(x)}{e^{-\beta H(x)} q(x')}\Big)

    Where the model lacks a state that the chain is in, the chain stays there for long: give it sweeps ``between``, and
    mind that a model without a mode does not find it.

    References: `arXiv:1910.13496 <https://arxiv.org/abs/1910.13496>`_,
    `arXiv:2002.04292 <https://arxiv.org/abs/2002.04292>`_.

    Args:
        q: the model at an inverse temperature, ``model.at(beta)``; that of the steps may be another.
        between: a sampler, or a class of them, that sweeps after each proposal; none by default.
        sweeps: of it after each proposal.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> q = ga.Autoregressive(ga.grid((4, 4), couplings="pm1", seed=1), ga.heads.Exact).at(1.0)
    >>> sampler = IndependenceMetropolis(q)
    >>> state, info = sampler.step(sampler.init(replicas=100, seed=0), beta=1.0, sweeps=5)
    >>> bool(info.accepted.min() > 0.7)  # all but the first, which is of random spins, are taken for sure
    True
    """

    def _propose(
        self, spins: Tensor, known: Tensor | None, key: int
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        drawn = list(self.q.draw(len(spins), key))
        proposed = torch.cat([part.spins for part in drawn]).to("cpu", torch.int8)
        log_q = torch.cat([part.full_log_prob for part in drawn]).cpu().double()
        old = self.q.log_prob(spins).cpu().double() if known is None else known
        return proposed, old - log_q, (log_q, old)


class ConditionalRedraw(NeuralMoves):
    r"""Redraws a part of each configuration by a model: what comes late in its order, given what came before.

    .. math:: P(\text{accept}) = \min\Big(1,\; e^{-\beta \Delta H}
              \prod_{i \in S} \frac{q(x_i | x_{<i})}{q(x'_i | x'_{<i})}\Big)

    Each replica has a part S of its own for each proposal, of any size: small ones are accepted more often. All spins
    of S are drawn at once, by passes over the graph that are repeated until they change nothing. That takes as many as
    there are spins at worst, and few where most conditionals are far from ½ (Y. Song et al., `arXiv:2002.03629
    <https://arxiv.org/abs/2002.03629>`_).

    Args:
        q: the model at an inverse temperature, ``model.at(beta)``; that of the steps may be another.
        part: ``"suffix"``, sites from a random rank on; or ``"subtree"``, a random site and all below it in the
            elimination tree, with the tree of all sites where some are exact.
        between: a sampler, or a class of them, that sweeps after each proposal; none by default.
        sweeps: of it after each proposal.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> q = ga.Autoregressive(ga.grid((4, 4), couplings="pm1", seed=1), ga.heads.Exact).at(1.0)
    >>> sampler = ConditionalRedraw(q, part="subtree")
    >>> state, info = sampler.step(sampler.init(replicas=100, seed=0), beta=1.0, sweeps=50)
    >>> bool(info.accepted.min() > 0.9)  # conditionals are exact: only where later spins depend on S may it fail
    True
    """

    def __init__(self, q: Distribution, *, part: str = "suffix", between: Any = None, sweeps: int = 1) -> None:
        super().__init__(q, between=between, sweeps=sweeps)
        if part not in PARTS:
            raise ValueError(f"part must be one of {', '.join(map(repr, PARTS))}, got {part!r}")
        self.part = part
        model = check_model(q.model)
        whole = model.frontier if model.core is None else model.core.frontier
        sites, self._size = whole.ordering.sites.cpu(), torch.arange(self.num_spins, 0, -1)
        place = torch.arange(self.num_spins)
        if part == "subtree":
            place, self._size = _depth_first(whole.parent.tolist())
        self._place = torch.empty_like(sites)
        self._place[sites] = place
        self._first = place

    def _chosen(self, key: int, replicas: int) -> Tensor:
        """Which sites are redrawn, (R, N)."""
        rank = (words(hash_key(key, "part"), torch.arange(1), 0, replicas)[0] * self.num_spins) >> 32
        first, size = self._first[rank, None], self._size[rank, None]
        return (self._place >= first) & (self._place < first + size)

    def _propose(
        self, spins: Tensor, known: Tensor | None, key: int
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        n, dtype = self.num_spins, self.q.model.dtype
        chosen = self._chosen(key, len(spins))
        noise = _logistic(hash_key(key, "spins"), n, len(spins))
        logits = self.q.logits(spins.to(dtype)).cpu().double()
        before = torch.where(chosen, logsigmoid(spins * logits), 0.0).sum(1)
        x, after = spins.clone(), torch.zeros(len(spins), dtype=torch.float64)
        todo = torch.arange(len(spins))
        for _ in range(n + 1):
            old, where = x[todo], chosen[todo]
            drawn = torch.where(where, torch.where(logits > noise[todo], 1, -1).to(torch.int8), old)
            same = (drawn == old).all(1)
            # where a pass changes nothing, its logits are those of what was drawn
            after[todo[same]] = torch.where(where, logsigmoid(drawn * logits), 0.0).sum(1)[same]
            x[todo] = drawn
            todo = todo[~same]
            if not len(todo):
                break
            logits = self.q.logits(x[todo].to(dtype)).cpu().double()
        if len(todo):
            raise ValueError("q must have conditionals of earlier spins alone, got some that go on changing")
        return x, before - after, None


def _depth_first(parent: list[int]) -> tuple[Tensor, Tensor]:
    """Places of ranks at which each subtree lies in one piece, and how many ranks are in it; parents are smaller."""
    n = len(parent)
    size, place, free, roots = [1] * n, [0] * n, [0] * n, 0
    for rank in reversed(range(n)):
        if parent[rank] >= 0:
            size[parent[rank]] += size[rank]
    for rank, above in enumerate(parent):
        place[rank] = roots if above < 0 else free[above]
        free[rank] = place[rank] + 1
        if above < 0:
            roots += size[rank]
        else:
            free[above] += size[rank]
    return torch.tensor(place), torch.tensor(size)


def _uniform(key: int, sites: int, replicas: int) -> Tensor:
    """Uniform numbers between 0 and 1, neither included, float64, (sites, R)."""
    high, low = words(key, torch.arange(2 * sites), 0, replicas).unflatten(0, (sites, 2)).unbind(1)
    return ((high << 20) + (low >> 12) + 0.5) / 2.0**52


def _logistic(key: int, sites: int, replicas: int) -> Tensor:
    """Logistic noise: a logit above it with probability σ(logit), float64, (R, sites)."""
    return torch.logit(_uniform(key, sites, replicas)).T
