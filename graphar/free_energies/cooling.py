"""A population that is cooled once down the ladder: an answer of its own for log Z, and where tempering begins.

Replicas at many rungs walk from hot to cold and back in a time that grows with the square of their number. Until then
cold rungs hold what they began with: random spins that were quenched are worse there than a population that has been
cooled through all rungs.
"""

from __future__ import annotations

import warnings

from graphar._support.seeds import hash_key
from graphar.estimators.estimate import Estimate
from graphar.free_energies.clock import Clock
from graphar.free_energies.result import Opinion
from graphar.free_energies.tempering import Rounds
from graphar.montecarlo.population import FAMILIES, Population, population_annealing

__all__ = ["begin_with", "cool", "population"]

PILOT = 256
"""Replicas of a first population, which says how long the next takes."""

SWEEPS = 10
"""At each rung, more where there is time for more than so many replicas."""

MOST = 8192
MOST_SPINS = 2**27


def cool(rounds: Rounds, seconds: float, clock: Clock) -> dict[int, Opinion]:
    """Cool a population within about so many seconds, give its replicas to the rungs; log Z at each target."""
    rungs = len(rounds.betas)
    pilot = min(PILOT, MOST_SPINS // rounds.graph.num_spins)
    guess = rounds.seconds_per_sweep * pilot * SWEEPS / rounds.replicas
    if pilot < 4 * rounds.replicas or guess > seconds or rungs < 3:
        return {}
    began = clock.seconds
    found = population(rounds, pilot, SWEEPS, seconds, clock)
    taken = clock.seconds - began
    more = 0.9 * (seconds - taken) / max(taken, 1e-3)
    if found is not None and more >= 1:
        most = min(MOST, MOST_SPINS // rounds.graph.num_spins)
        replicas = min(most, int(pilot * more))
        sweeps = max(SWEEPS, int(SWEEPS * pilot * more / replicas))
        found = population(rounds, replicas, min(sweeps, 100 * SWEEPS), seconds - taken, clock) or found
    return {} if found is None else begin_with(rounds, found)


def begin_with(rounds: Rounds, found: Population) -> dict[int, Opinion]:
    """Give the replicas that were kept to their rungs; log Z at each target."""
    rounds.spins = found.kept.clone()
    rounds.best_energy = min(rounds.best_energy, found.best_energy)
    return {k: _opinion(found, rounds.betas.index(beta)) for k, beta in enumerate(rounds.targets)}


def population(rounds: Rounds, replicas: int, sweeps: int, seconds: float, clock: Clock) -> Population | None:
    """One whole run down the ladder, a step at each rung; None where it was not whole."""
    rungs = len(rounds.betas)
    limit = max(0.05, min(1.5 * seconds, clock.left))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few families: the opinion says it
        found = population_annealing(
            rounds.graph,
            rounds.betas,
            sweeps * rungs,
            replicas,
            hash_key(rounds.seed, "log partition, population", replicas) >> 1,
            sweeps_per_step=sweeps,
            keep=rounds.replicas,
            time_limit=limit,
            progress=False,
        )
    if not found.interrupted:
        return found
    if found.seconds < limit:
        clock.stop()
    return None


def _opinion(found: Population, rung: int) -> Opinion:
    """log Z at a rung, not used where few families are left."""
    size = len(found.spins)
    rho = max(float(found.rho_t[rung]), float(found.rho_s[rung]))
    families = size / rho
    estimate = Estimate(float(found.log_partition[rung]), (rho / size) ** 0.5)
    few = families < FAMILIES
    remark = f"{size} replicas, {families:.0f} families in effect"
    return Opinion("population annealing", estimate, not few, f"too few; {remark}" if few else remark)
