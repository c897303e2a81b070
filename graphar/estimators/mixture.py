r"""Samples of several distributions as one weighted sample of their mixture, with errors that know each chain's τ.

Of distributions k = 1 … K with densities p̃_k / Z_k, N_k samples each, some of the Z_k known. With

    P_k(x) = N_k p̃_k(x) / Z_k / Σ_j N_j p̃_j(x) / Z_j,

the share of k in the mixture, the unknown Z_k are the roots of Σ_n P_k(x_n) = N_k over all samples, the minimum of a
convex function of log Z: M. R. Shirts and J. D. Chodera,
`J. Chem. Phys. 129, 124105 (2008) <https://arxiv.org/abs/0801.1426>`_; C. H. Bennett's acceptance ratio, `J. Comput.
Phys. 22, 245 (1976) <https://doi.org/10.1016/0021-9991(76)90078-4>`_, for two.

N_k counts independent samples: n_k samples of a chain have the weight N_k/n_k = 1/τ_k each. All results are smooth
functions of means over the samples of each k. Their errors are those of their linear parts, each a series with an
autocorrelation of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphar.estimators.autocorrelation import as_chains, autocorrelation_time, error_of_mean
from graphar.estimators.estimate import Estimate

__all__ = ["Mixture", "Reweighted", "join"]

ROUNDS = 200
"""Newton steps; six are the rule."""


@dataclass(frozen=True)
class Mixture:
    """K sampled distributions joined; made by :func:`join`.

    Attributes:
        log_density: log p̃_k of all samples, shape (K, n).
        shapes: (chains, time) of the samples of each k, which stand one after the other.
        counts: N_k, independent samples, shape (K,).
        log_partition: log Z_k, shape (K,).
        free: which of them were unknown, shape (K,).
        shares: P_k(x_n), shape (K, n).
    """

    log_density: np.ndarray
    shapes: tuple[tuple[int, int], ...]
    counts: np.ndarray
    log_partition: np.ndarray
    free: np.ndarray
    shares: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """N_k/n_k of each sample, shape (n,)."""
        return np.concatenate(
            [np.full(a * b, count / (a * b)) for (a, b), count in zip(self.shapes, self.counts, strict=True)]
        )

    def parts(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """Values of all samples (n,), of one distribution after the other, as (chains, time)."""
        first = 0
        for chains, steps in self.shapes:
            yield values[first : first + chains * steps].reshape(chains, steps)
            first += chains * steps

    def error(self, linear: np.ndarray) -> float:
        """Standard error of Σ_n weight_n linear_n, shape (n,)."""
        if not np.isfinite(linear).all():
            return math.inf
        of_parts = zip(self.counts, self.parts(linear), strict=True)
        return math.hypot(*(count * (error_of_mean(part) if part.size > 1 else 0.0) for count, part in of_parts))

    def answer(self, slope: np.ndarray) -> np.ndarray:
        """Linear part of what changes by ``slope`` (K,) with the log Z_k, through those that are estimated."""
        if not self.free.any():
            return np.zeros(self.shares.shape[1])
        curvature = _curvature(self.shares[self.free], self.weight)
        with np.errstate(all="ignore"):
            try:
                direction = np.linalg.solve(curvature, slope[self.free])
            except np.linalg.LinAlgError:
                direction = np.full(int(self.free.sum()), np.inf)
            return (direction[:, None] * self.shares[self.free]).sum(0)

    def log_partition_of(self, state: int) -> Estimate:
        """log Z of one of the K."""
        slope = np.zeros(len(self.counts))
        slope[state] = 1.0
        return Estimate(float(self.log_partition[state]), self.error(self.answer(slope)) if self.free[state] else 0.0)

    def reweighted(self, log_density: np.ndarray) -> Reweighted:
        """The mixture as samples of any distribution, of log p̃ (n,)."""
        logs = _log_mixture(self.log_density, self.counts, self.log_partition)
        weight = self.weight
        ratio = log_density - logs
        top = float(ratio.max())
        raw = np.exp(ratio - top)
        total = float((weight * raw).sum())
        return Reweighted(self, top + math.log(total), raw / total)

    def overlaps(self) -> np.ndarray:
        """Matrix Σ_n P_j P_k / N_k, shape (K, K): the mean share of j where k is; its columns sum to 1."""
        return np.einsum("jn,kn->jk", self.shares * self.weight, self.shares) / self.counts

    def meetings(self) -> np.ndarray:
        """Independent samples that each two have in common, N ∫ 2pq/(p + q) of the smaller N, shape (K, K)."""
        density = self.shares / self.counts[:, None]
        met = np.ones((len(self.counts), len(self.counts)))
        for j, k in np.ndindex(met.shape):
            if j != k:
                sum_of_both = density[j] + density[k]
                with np.errstate(invalid="ignore"):
                    share = np.where(density[j] > 0, 2 * density[j] / sum_of_both, 0.0)
                met[j, k] = float(list(self.parts(share))[k].mean())
        return np.minimum(met, met.T) * np.minimum.outer(self.counts, self.counts)


@dataclass(frozen=True)
class Reweighted:
    """The samples of a mixture as those of one distribution; made by :meth:`Mixture.reweighted`.

    Attributes:
        mixture: the samples.
        log_value: log Z.
        ratio: p(x_n) over the mixture's density, so that Σ weight ratio = 1, shape (n,).
    """

    mixture: Mixture
    log_value: float
    ratio: np.ndarray

    @property
    def ess(self) -> float:
        """Effective number of samples, those of chains counted by τ."""
        share = self.ratio * self.mixture.weight
        return float(1 / (share * self.ratio).sum())

    @property
    def log_partition(self) -> Estimate:
        return Estimate(self.log_value, self.mixture.error(self.linear_log_partition()))

    def average(self, values: np.ndarray) -> Estimate:
        """⟨A⟩ of values (n,)."""
        mean = self.mean(values)
        return Estimate(mean, self.mixture.error(self.linear_average(values, mean)))

    def mean(self, values: np.ndarray) -> float:
        return float((self.mixture.weight * self.ratio * values).sum())

    def linear_log_partition(self) -> np.ndarray:
        return self.ratio + self.mixture.answer(self._slope(np.ones_like(self.ratio)))

    def linear_average(self, values: np.ndarray, mean: float) -> np.ndarray:
        return self.ratio * (values - mean) + self.mixture.answer(self._slope(values - mean))

    def _slope(self, values: np.ndarray) -> np.ndarray:
        """Derivatives by the log Z_k: they stand in the mixture's density."""
        return (self.mixture.shares * (self.mixture.weight * self.ratio * values)).sum(1)


def join(
    log_density: np.ndarray,
    shapes: Sequence[tuple[int, int]],
    log_partition: Sequence[float | None],
    times: Sequence[float],
) -> Mixture:
    """Estimate what is not known of the log Z_k.

    Args:
        log_density: log p̃_k of all samples, (K, n), −∞ where k never goes; the samples of k stand k-th.
        shapes: (chains, time) of the samples of each k.
        log_partition: log Z_k, None where unknown; at least one is known.
        times: τ_k as far as known; the slowest of it and of the shares P_k counts.
    """
    sizes = np.array([a * b for a, b in shapes], float)
    free = np.array([value is None for value in log_partition])
    start = np.array([0.0 if value is None else value for value in log_partition])
    _guess(log_density, sizes, start, free)
    mixture = _solved(log_density, shapes, sizes / np.array(times), start, free)
    slowest = [max(time, _slowness(mixture, k)) for k, time in enumerate(times)]
    if slowest == list(times):
        return mixture
    return _solved(log_density, shapes, sizes / np.array(slowest), mixture.log_partition, free)


def _slowness(mixture: Mixture, k: int) -> float:
    part = list(mixture.parts(mixture.shares[k]))[k]
    return autocorrelation_time(as_chains(part)) if part.size > 1 else 1.0


def _solved(
    log_density: np.ndarray,
    shapes: Sequence[tuple[int, int]],
    counts: np.ndarray,
    start: np.ndarray,
    free: np.ndarray,
) -> Mixture:
    sizes = [a * b for a, b in shapes]
    weight = np.repeat(counts / np.array(sizes, float), sizes)
    found = start.copy()

    def shares(values: np.ndarray) -> np.ndarray:
        logs = _log_mixture(log_density, counts, values)
        return np.exp(np.log(counts)[:, None] + log_density - values[:, None] - logs)

    if free.any():

        def cost(values: np.ndarray) -> float:
            found[free] = values
            return float((weight * _log_mixture(log_density, counts, found)).sum() + (counts * found).sum())

        def slope(values: np.ndarray) -> np.ndarray:
            found[free] = values
            return counts[free] - (weight * shares(found)[free]).sum(1)

        def curvature(values: np.ndarray) -> np.ndarray:
            found[free] = values
            return _curvature(shares(found)[free], weight)

        found[free] = _minimum(cost, slope, curvature, start[free], float(counts.sum()))
    return Mixture(log_density, tuple(shapes), counts, found, free, shares(found))


def _minimum(
    cost: Callable[[np.ndarray], float],
    slope: Callable[[np.ndarray], np.ndarray],
    curvature: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    scale: float,
) -> np.ndarray:
    """Minimum of a convex function by a trust region, and by plain Newton steps where digits of its value are gone."""
    from scipy.optimize import minimize

    def scaled(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        return lambda values: function(values) / scale

    found = minimize(
        lambda values: cost(values) / scale,
        start,
        method="trust-exact",
        jac=scaled(slope),
        hess=scaled(curvature),
        options={"gtol": 1e-9, "maxiter": ROUNDS},
    ).x
    for _ in range(3):
        with np.errstate(all="ignore"):
            try:
                step = np.linalg.solve(curvature(found), slope(found))
            except np.linalg.LinAlgError:
                break
        if not np.isfinite(step).all() or float(abs(step).max()) > 1e-2:  # too flat to tell: without overlap
            break
        found = found - step
    return found


def _guess(log_density: np.ndarray, sizes: np.ndarray, start: np.ndarray, free: np.ndarray) -> None:
    """Between the two sides ⟨log p̃_k/p̃_j⟩ over j and over k, from the first known j; in place."""
    ends = np.cumsum(sizes).astype(int)
    known = int(np.flatnonzero(~free)[0])
    for k in np.flatnonzero(free):
        sides = []
        for part in (known, k):
            rows = slice(ends[part] - int(sizes[part]), ends[part])
            both = np.isfinite(log_density[k, rows]) & np.isfinite(log_density[known, rows])
            if both.any():
                sides.append(float(np.median((log_density[k, rows] - log_density[known, rows])[both])))
        start[k] = start[known] + (sum(sides) / len(sides) if sides else 0.0)


def _log_mixture(log_density: np.ndarray, counts: np.ndarray, log_partition: np.ndarray) -> np.ndarray:
    """log Σ_k N_k p̃_k / Z_k of each sample, (n,)."""
    terms = log_density + (np.log(counts) - log_partition)[:, None]
    top = terms.max(0)
    return top + np.log(np.exp(terms - top).sum(0))


def _curvature(shares: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Σ_n w (P_j δ_jk − P_j P_k); sums of products, whose digits no number of threads changes."""
    weighted = shares * weight
    return np.diag(weighted.sum(1)) - np.einsum("jn,kn->jk", weighted, shares)
