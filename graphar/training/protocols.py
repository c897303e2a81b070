"""The annealing protocols of papers, as keyword arguments of :func:`graphar.anneal`.

:func:`arnn` and :func:`twobo` are those of the papers of these names. Both optimise with Adam at a constant learning
rate, without clipping, and keep its state from β to β; weights are not averaged. The papers' networks start from random
weights, but for the Curie–Weiss network, whose weights follow from the couplings: that is ``ga.heads.CurieWeiss()``,
with nothing to train, and ``ga.heads.CurieWeiss(trainable=True)`` starts there.

Variational neural annealing (M. Hibat-Allah et al., `arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_) lowers
what makes configurations fluctuate: a temperature (:func:`vca`), a transverse field (:func:`vqa`), both (:func:`rvqa`)
or neither (:func:`cqo`), linearly in time and from 2, the largest coupling being 1. Numbers are those of the random
chain in its `public code <https://github.com/VectorInstitute/VariationalNeuralAnnealing>`_, of recurrent networks.
"""

from __future__ import annotations

from typing import Any

from graphar._support.checks import check_count, check_least_zero, check_positive
from graphar.training.schedules import linear

__all__ = ["arnn", "cqo", "rvqa", "twobo", "vca", "vqa"]

_COUNTED = {"steps": 1, "warmup": 0, "batch_size": 2, "evaluate_samples": 2}  # what is scaled, and the least of it


def arnn(fraction: float = 1.0, **changes: Any) -> dict[str, Any]:
    """39 values of β from 0.1 to 2: 5000 steps of 2000 samples first, then 1000 at each β.

    As in ``run_cw.sh`` and ``run_sk.sh`` of the `public code <https://github.com/ocadni/h2arnn>`_ of I. Biazzo,
    `arXiv:2302.08347 <https://arxiv.org/abs/2302.08347>`_. There a β is left early, after 20 steps with a standard
    deviation of F/N over samples below 1e-4, and its numbers are of the last 20 batches, 40,000 samples; here all steps
    are made, and as many fresh samples are drawn.

    Args:
        fraction: of steps and samples that are taken, with all values of β kept: time falls as its square.
        changes: arguments of :func:`graphar.anneal` to take instead, or besides; not scaled.

    Raises:
        ValueError: a fraction that is not positive.

    >>> import graphar as ga
    >>> from graphar.training import protocols
    >>> settings = protocols.arnn(0.01, seed=3)
    >>> settings["steps"], settings["warmup"], settings["batch_size"], len(settings["beta"])
    (10, 50, 20, 39)
    >>> model = ga.Autoregressive(ga.curie_weiss(10), ga.heads.OneParameter)
    >>> ga.anneal(model, **settings, progress=False).history[-1].beta
    2.0
    """
    settings = {
        "beta": linear(0.1, 2.0, 39),
        "steps": 1000,
        "warmup": 5000,
        "batch_size": 2000,
        "learning_rate": 1e-3,
        "average": False,
        "evaluate_samples": 40_000,
    }
    return _scaled(settings, fraction) | changes


def twobo(fraction: float = 1.0, **changes: Any) -> dict[str, Any]:
    """60 values of β from 0.05 to 3: 500 steps of 1024 samples first, then 200 at each β.

    As in ``args.py`` of the `public code <https://github.com/cqsl/sparse-twobody-arnn>`_ of I. Biazzo, D. Wu and
    G. Carleo, `arXiv:2402.16579 <https://arxiv.org/abs/2402.16579>`_. Its study of the steps at each β takes 4, 8, …,
    1024 of them: ``twobo(steps=4)``.

    Args:
        fraction: of steps and samples that are taken, with all values of β kept: time falls as its square.
        changes: arguments of :func:`graphar.anneal` to take instead, or besides; not scaled.

    Raises:
        ValueError: a fraction that is not positive.

    >>> from graphar.training import protocols
    >>> settings = protocols.twobo(0.1, steps=4)
    >>> settings["steps"], settings["warmup"], settings["batch_size"], settings["beta"][-1]
    (4, 50, 102, 3.0)
    """
    settings = {
        "beta": linear(0.05, 3.0, 60),
        "steps": 200,
        "warmup": 500,
        "batch_size": 1024,
        "learning_rate": 1e-3,
        "average": False,
        "evaluate_samples": 1024,
    }
    return _scaled(settings, fraction) | changes


_VNA: dict[str, Any] = {"steps": 5, "warmup": 1000, "batch_size": 50, "learning_rate": 1e-3, "average": False}


def vca(num: int = 500, temperature: float = 2.0, **changes: Any) -> dict[str, Any]:
    """Variational classical annealing: 1/β falls from ``temperature`` linearly, to a ``num``-th of it.

    Args:
        num: values of β; the temperature after the last would be zero.
        temperature: the first.
        changes: arguments of :func:`graphar.anneal` to take instead, or besides.

    Raises:
        ValueError: ``num`` below 1, or a temperature that is not positive.

    >>> from graphar.training import protocols
    >>> protocols.vca(4)["beta"]
    (0.5, 0.6666666666666666, 1.0, 2.0)
    """
    return {"beta": _cooling(num, temperature), **_VNA} | changes


def vqa(num: int = 500, field: float = 2.0, **changes: Any) -> dict[str, Any]:
    """Variational quantum annealing: the transverse field falls from ``field`` linearly to zero, without temperature.

    Args:
        num: steps of the schedule, which has one value more.
        field: the first Γ.
        changes: arguments of :func:`graphar.anneal` to take instead, or besides.

    Raises:
        ValueError: ``num`` below 1, or a negative field.

    >>> import graphar as ga
    >>> settings = ga.protocols.vqa(4, warmup=10)
    >>> settings["transverse_field"]
    (2.0, 1.5, 1.0, 0.5, 0.0)
    >>> model = ga.Autoregressive(ga.random_chain(8, seed=0), ga.heads.SingleLayer)
    >>> ga.anneal(model, **settings, progress=False).history[-1].transverse_field
    0.0
    """
    fields = linear(check_least_zero(field, "field"), 0.0, check_count(num, "num") + 1)
    return {"transverse_field": fields, **_VNA} | changes


def rvqa(num: int = 500, temperature: float = 2.0, field: float = 2.0, **changes: Any) -> dict[str, Any]:
    """Regularised variational quantum annealing: temperature and transverse field fall together.

    Args:
        num: values of both; after the last they would be zero.
        temperature, field: the first 1/β and Γ.
        changes: arguments of :func:`graphar.anneal` to take instead, or besides.

    Raises:
        ValueError: ``num`` below 1, a temperature that is not positive, or a negative field.

    >>> from graphar.training import protocols
    >>> protocols.rvqa(4, temperature=1.0)["transverse_field"]
    (2.0, 1.5, 1.0, 0.5)
    """
    fields = linear(check_least_zero(field, "field"), 0.0, check_count(num, "num") + 1)[:-1]
    return {"beta": _cooling(num, temperature), "transverse_field": fields, **_VNA} | changes


def cqo(num: int = 500, **changes: Any) -> dict[str, Any]:
    """Classical-quantum optimisation: the mean energy itself is minimised, by as many steps as the others take.

    Args:
        num: fifth part of the steps after the warm-up.
        changes: arguments of :func:`graphar.anneal` to take instead, or besides.

    Raises:
        ValueError: ``num`` below 1.

    >>> from graphar.training import protocols
    >>> protocols.cqo(4)["steps"], protocols.cqo()["entropy"]
    (20, False)
    """
    return {**_VNA, "entropy": False, "steps": _VNA["steps"] * check_count(num, "num")} | changes


def _cooling(num: int, temperature: float) -> tuple[float, ...]:
    """β at temperatures that fall linearly, the zero after the last left out."""
    fall = linear(check_positive(temperature, "temperature"), 0.0, check_count(num, "num") + 1)[:-1]
    return tuple(1 / value for value in fall)


def _scaled(settings: dict[str, Any], fraction: float) -> dict[str, Any]:
    if not 0 < fraction < float("inf"):
        raise ValueError(f"fraction must be positive, got {fraction}")
    counted = {name: max(least, round(fraction * settings[name])) for name, least in _COUNTED.items()}
    return settings | counted
