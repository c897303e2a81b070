r"""How long a search takes to reach a target, from runs of which some were given up before.

Runs that are restarted, or that go on from where they are without memory, reach the target at a constant rate λ. Runs
that were given up say that it had not come until then:

.. math:: \hat\lambda = \frac{k}{\sum_r t_r}, \qquad T_p = \frac{-\log(1 - p)}{\lambda}

k of them reached the target, and t is the time of each until then, or until it was given up. The interval is of the
count k, which is Poisson's (`Garwood 1936 <https://doi.org/10.1093/biomet/28.3-4.437>`_); where k = 0 it has a lower
end alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphar._support.checks import as_float_tensor, as_tensor, check_number

__all__ = ["TimeToTarget", "time_to_target"]


@dataclass(frozen=True)
class TimeToTarget:
    """Time in which a search reaches its target with some probability; made by :func:`graphar.time_to_target`.

    Attributes:
        seconds: the estimate; ∞ where no run has reached it.
        lower, upper: ends of its interval of confidence.
        reached: runs that did.
        runs: of all.
        probability: with which the target is reached in that time.
        level: of the interval.
    """

    seconds: float
    lower: float
    upper: float
    reached: int
    runs: int
    probability: float
    level: float

    def __str__(self) -> str:
        least, most = self.lower, self.upper
        return f"{self.seconds:.3g} s [{least:.3g}, {most:.3g}], {self.reached} of {self.runs} reached it"


def time_to_target(seconds: Any, reached: Any, probability: float = 0.99, level: float = 0.95) -> TimeToTarget:
    r"""Time in which a search reaches its target with a probability, with an interval of confidence.

    .. math:: T_p = -\log(1 - p) \, \frac{\sum_r t_r}{k}, \qquad k \sim \text{Poisson}

    Reference: T. F. Rønnow et al., `Science 345, 420 (2014) <https://doi.org/10.1126/science.1252319>`_, for runs of
    equal length; here those that reach it earlier end there.

    Args:
        seconds: > 0, of each run until the target or until it was given up, shape (R,).
        reached: whether it reached the target, shape (R,).
        probability: p, between 0 and 1.
        level: of the interval, between 0 and 1.

    Raises:
        ValueError: no runs, shapes that disagree, times that are not positive, numbers out of range.

    >>> print(time_to_target([2.0, 1.0, 10.0, 3.0], [True, True, False, True]))
    24.6 s [8.4, 119], 3 of 4 reached it
    """
    from scipy.special import gammaincinv

    times = as_float_tensor(seconds, "seconds").double().cpu().numpy()
    hits = as_tensor(reached, "reached").cpu().numpy()
    if times.ndim != 1 or not len(times) or not (times > 0).all() or not np.isfinite(times).all():
        raise ValueError(f"seconds must be positive, one for each run, got {seconds!r}")
    if hits.shape != times.shape or hits.dtype != np.bool_:
        raise ValueError(f"reached must be True or False for each of the {len(times)} runs, got {reached!r}")
    p, inside = (_share(value, name) for value, name in ((probability, "probability"), (level, "level")))
    count, units = int(hits.sum()), -math.log1p(-p) * float(times.sum())
    tail = (1 - inside) / 2
    most = float(gammaincinv(count + 1, 1 - tail))  # half of the quantile of χ² of twice as many degrees of freedom
    least = float(gammaincinv(count, tail)) if count else 0.0
    estimate, upper = (units / count, units / least) if count else (math.inf, math.inf)
    return TimeToTarget(estimate, units / most, upper, count, len(times), p, inside)


def _share(value: Any, name: str) -> float:
    number = check_number(value, name)
    if not 0 < number < 1:
        raise ValueError(f"{name} must be between 0 and 1, got {value!r}")
    return number
