"""Instances that would not fit in memory are refused before anything of their size is made."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import graphar as ga
from graphar.instances import couplings

HUGE: dict[str, Callable[[], Any]] = {
    "chain": lambda: ga.chain(2**31 - 1),
    "grid": lambda: ga.grid((40_000, 40_000)),
    "a shape of more spins than can be": lambda: ga.grid((10**6, 10**6)),
    "triangular": lambda: ga.triangular((30_000, 30_000)),
    "complete": lambda: ga.complete(10**6),
    "sherrington_kirkpatrick": lambda: ga.sherrington_kirkpatrick(10**6),
    "curie_weiss": lambda: ga.curie_weiss(10**6),
    "random_regular": lambda: ga.random_regular(2**30, degree=999),
    "random_regular by its complement": lambda: ga.random_regular(2**20, degree=2**20 - 3),
    "erdos_renyi": lambda: ga.erdos_renyi(2**30, mean_degree=999),
    "erdos_renyi by a list of all pairs": lambda: ga.erdos_renyi(2**28, mean_degree=2**24),
}


@pytest.mark.parametrize("case", HUGE)
def test_huge_instances_are_refused_at_once(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couplings, "_memory", lambda: 2e11)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"must fit in memory, 2e\+11 bytes here, got .* bytes|must be at most"):
            HUGE[case]()
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("build", "spins", "edges"),
    [
        (lambda: ga.chain(50), 50, 50),
        (lambda: ga.grid((7, 1, 9)), 63, 126),
        (lambda: ga.triangular((7, 9)), 63, 189),
        (lambda: ga.complete(40), 40, 780),
        (lambda: ga.random_regular(40, 3), 40, 60),
        (lambda: ga.erdos_renyi(40, 0.1), 40, 2),
    ],
)
def test_what_fits_is_made(build: Callable[[], Any], spins: int, edges: int, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 60 * spins + 240 * edges
    monkeypatch.setattr(couplings, "_memory", lambda: needed)
    assert build().num_spins == spins
    monkeypatch.setattr(couplings, "_memory", lambda: needed - 1)
    with pytest.raises(ValueError, match=f"must fit in memory, .* got {spins} spins with"):
        build()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs what Linux says of a process")
def test_the_bytes_foretold_are_those_it_takes() -> None:
    code = """
import re, graphar as ga
def peak():  # of this process alone: the peak of resource.getrusage is also that of the process it came from
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
ga.chain(2)
before = peak()
for build, size in ((ga.grid, (500, 500)), (ga.complete, 1500)):
    graph = build(size)
    print(peak() - before, graph.num_spins, graph.num_couplings)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        taken, spins, edges = map(int, line.split())
        assert 0.5 < taken / (60 * spins + 240 * edges) < 2, line
