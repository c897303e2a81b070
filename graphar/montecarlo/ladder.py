r"""Which β tempering visits: from the first to the last that is asked for, in steps of equal overlap.

Replicas at β and β + Δ exchange, and their samples reweight to each other, as long as Δ(E(β) − E(β + Δ)) is of order 1:
equal steps of

.. math:: \ell(\beta) = \int_0^\beta \sqrt{-dE/d\beta'} \, d\beta' = \int_0^\beta \sigma_E \, d\beta'

(K. Hukushima and K. Nemoto, `J. Phys. Soc. Jpn. 65, 1604 (1996) <https://doi.org/10.1143/JPSJ.65.1604>`_).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["STEP", "deviation", "first_ladder", "ladder"]

STEP = 1.0
"""Of ℓ between two β: half of the exchanges are accepted."""

GRID = 256
"""Points for each interval of the measured energies on which ℓ is summed."""


def deviation(graph: IsingGraph | SpinHypergraph) -> float:
    """σ_E at β = 0, √(ΣJ² + Σh²)."""
    weights = graph.undirected()[2] if isinstance(graph, IsingGraph) else graph.hyperedge_weight
    return math.sqrt(float(weights.double().square().sum() + graph.h.double().square().sum()))


def first_ladder(graph: IsingGraph | SpinHypergraph, targets: Sequence[float], count: int) -> list[float]:
    """0, a geometric series, for a first look, and all targets."""
    last = targets[-1]
    sigma = deviation(graph)
    first = min(0.3 / sigma if sigma > 0 else last, last)
    steps = max(1, min(count, 2 + math.ceil(4 * math.log(last / first))))
    rising = np.geomspace(first, last, steps) if first < last else np.array([last])
    return sorted({0.0, *rising[:-1].tolist(), *targets})


def ladder(
    betas: Sequence[float],
    energies: Sequence[float],
    targets: Sequence[float],
    largest: int,
    count: int | None = None,
) -> list[float]:
    """From the first β in equal steps of ℓ, about ``largest`` at most, and all targets, by mean energies at some β.

    With ``count``, of so many β to a single target.
    """
    from scipy.interpolate import PchipInterpolator

    at = np.array(betas)
    falling = np.minimum.accumulate(np.array(energies))
    curve = PchipInterpolator(at, falling)
    points = np.unique(np.concatenate([np.linspace(a, b, GRID) for a, b in pairwise(at)]))
    # of finite steps: d ℓ² = −dE dβ
    steps = np.sqrt(np.maximum(0.0, -np.diff(curve(points)) * np.diff(points)))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    ends = [betas[0], *targets]
    at_ends = np.interp(ends, points, length)
    size = max(STEP, float(length[-1]) / max(1, largest - len(targets)))
    found = [betas[0]]
    for k in range(len(targets)):
        parts = max(1, math.ceil((at_ends[k + 1] - at_ends[k]) / size - 1e-9)) if count is None else count - 1
        inner = np.interp(np.linspace(at_ends[k], at_ends[k + 1], parts + 1)[1:-1], length, points)
        found += [float(b) for b in inner if found[-1] < b < targets[k]] + [targets[k]]
    return found
