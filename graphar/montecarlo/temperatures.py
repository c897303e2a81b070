r"""Which β to temper at, by measurement.

By **acceptance**: neighbouring β exchange replicas at one rate everywhere, steps of equal ∫σ_E dβ
(:mod:`graphar.montecarlo.ladder`).

By **round trips**: with f(β) the share of replicas that came from the hot end, the current of replicas from end to end
is largest where f falls in equal steps (H. G. Katzgraber, S. Trebst, D. A. Huse and M. Troyer, `J. Stat. Mech. (2006)
P03018 <https://arxiv.org/abs/cond-mat/0602085>`_). β of density η with steps Δf become those of density

.. math:: \eta' \propto \sqrt{\eta \, |df/d\beta|},

which is to put √Δf of the new β into each old step: more where replicas are held up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphar._support.checks import check_beta, check_count, check_flag
from graphar._support.seeds import check_seed, hash_key
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.montecarlo.ladder import first_ladder, ladder
from graphar.montecarlo.tempering import parallel_tempering

__all__ = ["by_flow", "temperature_ladder"]

LONGEST = 512
PILOTS = 3  # by acceptance, each with the ladder that the one before has found
FEEDBACKS = 2  # by round trips, the second of twice as many sweeps
LEAST_STEP = 0.1  # of an even fall of f, for steps where none was seen


def temperature_ladder(
    graph: IsingGraph | SpinHypergraph,
    coldest: float,
    hottest: float = 0.0,
    *,
    by: str = "acceptance",
    count: int | None = None,
    sweeps: int = 500,
    replicas: int = 4,
    seed: int = 0,
    progress: bool = False,
) -> list[float]:
    r"""Rising β for :func:`parallel_tempering`, by short runs of it.

    .. math:: \int_{\beta_k}^{\beta_{k+1}} \sigma_E \, d\beta = \text{const}, \qquad f(\beta_k) - f(\beta_{k+1}) =
        \text{const}

    References: `J. Phys. Soc. Jpn. 65, 1604 (1996) <https://doi.org/10.1143/JPSJ.65.1604>`_,
    `arXiv:cond-mat/0602085 <https://arxiv.org/abs/cond-mat/0602085>`_.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        coldest: the largest β, above ``hottest``.
        hottest: the smallest β ≥ 0, where replicas forget where they were.
        by: ``"acceptance"``, the first formula: half the exchanges are accepted everywhere; ``"round trips"``, from
            there to the second: most replicas go from end to end where a transition holds them up.
        count: how many β, at least 3; as many as half the exchanges need by default.
        sweeps: of a short run.
        replicas: systems of a short run.
        seed: of all random bits.
        progress: whether to show progress bars.

    Returns:
        The ladder, ends included.

    Raises:
        ValueError: an argument breaks its rule.

    >>> import graphar as ga
    >>> graph = ga.grid((6, 6), couplings="pm1", seed=1)
    >>> betas = temperature_ladder(graph, 2.0, hottest=0.2, sweeps=100)
    >>> betas[0], betas[-1], betas == sorted(betas)
    (0.2, 2.0, True)
    """
    check_hamiltonian(graph, alone=True)
    last, first = check_beta(coldest), check_beta(hottest)
    if not first < last:
        raise ValueError(f"hottest must be below coldest, {last:g}, got {first:g}")
    if by not in ("acceptance", "round trips"):
        raise ValueError(f'by must be "acceptance" or "round trips", got {by!r}')
    size = None if count is None else check_count(count, "count", 3)
    sweeps, replicas, seed = check_count(sweeps, "sweeps", 8), check_count(replicas, "replicas"), check_seed(seed)
    check_flag(progress, "progress")

    def run(betas: Sequence[float], number: int, length: int) -> Any:
        key = hash_key(seed, "temperature ladder", number) >> 1
        return parallel_tempering(graph, list(betas), length, replicas, key, keep=1, progress=progress)

    betas = [b for b in first_ladder(graph, [last], 24) if b > first]
    betas = [first, *betas]
    for number in range(PILOTS):
        found = run(betas, number, sweeps)
        betas = ladder(found.betas.tolist(), found.mean_energy.tolist(), [last], LONGEST, size)
    for number in range(FEEDBACKS if by == "round trips" else 0):
        found = run(betas, PILOTS + number, 10 * sweeps << number)
        betas = by_flow(betas, found.flow.numpy())
    return betas


def by_flow(betas: Sequence[float], flow: np.ndarray) -> list[float]:
    """As many β, √Δf of them in each step; as they are where too few replicas have been at an end."""
    from scipy.optimize import isotonic_regression

    if not np.isfinite(flow).all():
        return list(betas)
    fall = -np.diff(isotonic_regression(flow, increasing=False).x)
    weight = np.sqrt(np.maximum(fall, LEAST_STEP / len(fall)))
    places = np.concatenate([[0.0], np.cumsum(weight)])
    inner = np.interp(np.linspace(0, places[-1], len(betas))[1:-1], places, betas)
    return [betas[0], *inner.tolist(), betas[-1]]
