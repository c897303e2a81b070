"""A trained model beside a short tempering that knows nothing of it."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from graphar._support.interrupt import finish_step_first
from graphar.estimators.bridge import Bennett, bennett
from graphar.estimators.estimate import Estimate
from graphar.free_energies.clock import Clock
from graphar.free_energies.tempering import Rounds
from graphar.models.distribution import Distribution

__all__ = ["Check", "check"]

ROUNDS = 12
SETTLED = 0.3
LOADING = 0.01  # seconds of a tempering that is thrown away


class Check(NamedTuple):
    """log Z from β = 0 by tempering alone, with what there is to say of it; and model and replicas joined."""

    tempering: Estimate
    remark: str
    joined: Bennett


def check(q: Distribution, seconds: float, seed: int, num_samples: int = 2000) -> Check | None:
    """Temper for about so many seconds and join; None after Ctrl-C, a ValueError where the graph is too large."""
    with finish_step_first() as flag, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Rounds(q.graph, [q.beta], seed).settle(Clock(LOADING, flag), SETTLED)  # loops may be compiled for seconds
        clock = Clock(seconds, flag)
        rounds = Rounds(q.graph, [q.beta], seed)
        rounds.check_reach(seconds)
        rounds.settle(clock, SETTLED)
        while not clock.interrupted and (clock.left > 0 or not rounds.energies):
            rounds.run(min(clock.left, seconds / ROUNDS), clock)
        if clock.interrupted:
            return None
        said = rounds.say(0)
        spins = rounds.spins_after(0, rounds.after_burn_in)
        stride = max(1, spins.shape[0] * spins.shape[1] // num_samples)
        chosen = spins[:, ::stride] if spins.shape[1] // stride >= 2 else spins
        return Check(said.log_partition, said.remark, bennett(q, chosen, num_samples, seed=seed))
