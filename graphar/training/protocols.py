"""The annealing protocols of the ARNN and TwoBo papers, as keyword arguments of :func:`graphar.anneal`.

Both optimise with Adam at a constant learning rate, without clipping, and keep its state from β to β; weights are not
averaged. The papers' networks start from random weights, but for the Curie–Weiss network, whose weights follow from
the couplings: that is ``ga.heads.CurieWeiss()``, with nothing to train, and ``ga.heads.CurieWeiss(trainable=True)``
starts there.
"""

from __future__ import annotations

from typing import Any

from graphar.training.schedules import linear

__all__ = ["arnn", "twobo"]

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


def _scaled(settings: dict[str, Any], fraction: float) -> dict[str, Any]:
    if not 0 < fraction < float("inf"):
        raise ValueError(f"fraction must be positive, got {fraction}")
    counted = {name: max(least, round(fraction * settings[name])) for name, least in _COUNTED.items()}
    return settings | counted
