"""Tempering on a GPU is that of the CPU, exchange by exchange; by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

os.environ.setdefault("TRITON_INTERPRET", "1")

import pytest
import torch
from hypergraphs import HYPERGRAPHS

import graphar as ga

mc = ga.montecarlo
pytest.importorskip("triton")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CASES = {
    "clusters, ±J": (ga.grid((2, 3), couplings="pm1", seed=1), ga.linear(0.2, 2.0, 3), {"replicas": 3}),
    "clusters in fields, two blocks, two sweeps": (
        ga.grid((2, 2), couplings="gaussian", field=0.3, seed=2),
        ga.linear(0.2, 1.0, 24),
        {"replicas": 3, "exchange_every": 2},
    ),
    "sites at random": (
        ga.grid((2, 3), couplings="gaussian", seed=3),
        [0.1, 0.6],
        {"replicas": 1, "order": "random", "rule": mc.Metropolis},
    ),
    "one temperature, interactions": (HYPERGRAPHS["orders 1 to 5"], [0.5], {"replicas": 2, "order": "coloured"}),
}


@pytest.mark.parametrize("name", CASES)
def test_runs_are_those_of_the_cpu(name: str) -> None:
    graph, betas, options = CASES[name]
    options = dict(options)
    make: Any = options.pop("rule", mc.HeatBath)
    order = options.pop("order", "typewriter")
    results = [
        mc.parallel_tempering(
            graph, betas, 4, seed=4, keep=1, sampler=make(where, order=order, kernel=kernel), progress=False, **options
        )
        for where, kernel in ((graph, "numba"), (graph.to(DEVICE), "triton"))
    ]
    cpu, card = map(dataclasses.asdict, results)
    assert torch.equal(cpu["spins"], card["spins"])
    for part in cpu:
        if part != "seconds":
            torch.testing.assert_close(cpu[part], card[part], rtol=1e-13, atol=1e-12, equal_nan=True, msg=part)
