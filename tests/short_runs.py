"""A graph, a model and a short annealing, for tests of runs that stop and go on."""

from __future__ import annotations

import torch

import graphar as ga

__all__ = ["GRAPH", "SHORT", "fresh", "same"]

GRAPH = ga.random_regular(16, degree=3, couplings="pm1", field=0.1, seed=1)
SHORT = {"steps": 6, "warmup": 4, "batch_size": 64, "progress": False}


def fresh(**options) -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH, **options)


def same(run: ga.Run, other: ga.Run) -> bool:
    def numbers(record: ga.BetaRecord) -> dict:
        return {name: value for name, value in vars(record).items() if name != "seconds"}

    return (
        [numbers(a) for a in run.history] == [numbers(b) for b in other.history]
        and run.best_energy == other.best_energy
        and torch.equal(run.best_spins, other.best_spins)
        and run.step == other.step
    )
