r"""log Z along a ladder of β, from β = 0, where it is N log 2: Bennett's acceptance ratio between neighbours.

Between β_k and β_{k+1}, with w = −(β_{k+1} − β_k) E, the difference D of the two log Z is the root of

    ⟨σ(w − D)⟩_k = ⟨σ(D − w)⟩_{k+1},   σ(z) = 1 / (1 + e^{−z}).

Rungs of one system are in step, as replicas pass through them: the error of the sum is that of the series of its linear
part, all rungs of a system and a time added first.
"""

from __future__ import annotations

import math

import numpy as np

from graphar.estimators.autocorrelation import autocorrelation_time, error_of_mean

__all__ = ["Steps", "along", "drift"]

ROUNDS = 60


class Steps:
    """Differences of log Z from rung to rung and the linear parts of each.

    Args:
        betas: rising, shape (T,).
        energy: of systems in step, shape (T, R, times).
    """

    def __init__(self, betas: np.ndarray, energy: np.ndarray) -> None:
        self.betas, self.energy = betas, energy
        pairs = len(betas) - 1
        self.difference = np.zeros(pairs)
        self.linear = np.zeros((pairs, *energy.shape[1:]))
        self.overlap = np.ones(pairs)
        for k in range(pairs):
            self._solve(k)

    def _solve(self, k: int) -> None:
        gap = self.betas[k + 1] - self.betas[k]
        middle = float(self.energy[k : k + 2].mean())
        below, above = (-gap * (self.energy[k + side] - middle) for side in (0, 1))
        low = float(min(below.min(), above.min())) - 1.0
        high = float(max(below.max(), above.max())) + 1.0
        found = min(max(math.log(float(np.exp(below - below.max()).mean())) + float(below.max()), low), high)
        for _ in range(ROUNDS):  # Newton's, or halves where that leaves the bracket: ⟨left⟩ falls with D, ⟨right⟩ rises
            left, right = _share(below - found), _share(found - above)
            excess = float(left.mean() - right.mean())
            low, high = (found, high) if excess > 0 else (low, found)
            slope = float((left * (1 - left)).mean() + (right * (1 - right)).mean())
            before, found = found, found + excess / max(slope, 1e-300)
            if not low <= found <= high:
                found = (low + high) / 2
            if abs(found - before) <= 1e-12 * max(1.0, abs(found)):
                break
        left, right = _share(below - found), _share(found - above)
        slope = float((left * (1 - left)).mean() + (right * (1 - right)).mean())
        self.difference[k] = found - gap * middle
        self.overlap[k] = 2 * slope  # 1 where both are one
        self.linear[k] = ((left - left.mean()) - (right - right.mean())) / max(slope, 1e-300)

    def to(self, rung: int) -> tuple[float, np.ndarray]:
        """log Z of a rung minus that of the first, and its linear part (R, times)."""
        return math.fsum(self.difference[:rung]), self.linear[:rung].sum(0)


def along(series: np.ndarray) -> tuple[float, float]:
    """Standard error of the mean of series (R, times), and how many independent ones there are.

    By how much the second half differs from the first beyond chance (twice the error) is added in quadrature: what has
    moved so far in one direction, on its way to equilibrium, may have as far to go.
    """
    error = error_of_mean(series)
    moved = drift(series)
    return math.hypot(error, math.sqrt(max(0.0, moved**2 - 4 * error**2))), series.size / autocorrelation_time(series)


def drift(series: np.ndarray) -> float:
    """Mean of the second half less that of the first, of series (R, times)."""
    half = series.shape[1] // 2
    return float(series[:, -half:].mean() - series[:, :half].mean()) if half else 0.0


def _share(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(z / 2))
