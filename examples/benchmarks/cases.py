"""The instances, orderings and tasks of the benchmark, and their stopwatch.

python examples/benchmarks/cases.py    # what each order costs, without timing
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch

import graphar as ga
from graphar.training import variational_step

BETA = 0.5
GRAPHS = ["2d-16x16", "2d-32x32", "rrg-256", "rrg-1024"]
ORDERS = {
    "natural": {"ordering": ga.natural, "frontier": "all"},  # TwoBo's own pairs
    "rcm": {"ordering": ga.rcm},
    "nested_dissection": {"ordering": ga.nested_dissection},
}


def instance(name: str) -> ga.IsingGraph:
    """±J on a periodic grid, "2d-16x16", or on a random 3-regular graph, "rrg-256"."""
    kind, _, size = name.partition("-")
    if kind == "2d":
        return ga.grid(tuple(int(side) for side in size.split("x")), periodic=True, couplings="pm1", seed=0)
    if kind == "rrg":
        return ga.random_regular(int(size), degree=3, couplings="pm1", seed=0)
    raise ValueError(f"graph must be like 2d-16x16 or rrg-256, got {name!r}")


def model_of(graph: ga.IsingGraph, order: str, **options: Any) -> ga.Autoregressive:
    """TwoBo's linear head on a graph, in one of the orders above."""
    return ga.Autoregressive(graph, **ORDERS[order], **options)


def num_levels(model: ga.Autoregressive) -> int:
    """Sequential steps of a sample."""
    return int(model.frontier.levels().max()) + 1


def tasks(model: ga.Autoregressive, batch_size: int) -> dict[str, Callable[[], object]]:
    """What is timed: a batch of samples, log q of given spins, and a whole train step."""
    q, generator = model.at(BETA), torch.Generator().manual_seed(0)
    spins = q.sample(batch_size, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    @torch.no_grad()
    def log_prob() -> torch.Tensor:
        return q.log_prob(spins)

    def train_step() -> None:
        optimizer.zero_grad()
        variational_step(q, batch_size, generator)
        optimizer.step()

    return {"sample": lambda: q.sample(batch_size, generator=generator), "log_prob": log_prob, "train": train_step}


def seconds_of(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def interleaved(works: dict[Any, Callable[[], object]], repeats: int, budget: float) -> dict[Any, list[float]]:
    """Seconds of every call: tasks take turns, so that all see the same noise, until each has had its budget.

    A turn is several calls where they are short; the first one, which finds cold caches, is not counted.
    """
    for work in works.values():
        work()
    calls = {key: 1 + min(20, int(0.02 / seconds_of(work))) for key, work in works.items()}
    seconds: dict[Any, list[float]] = {key: [] for key in works}
    for _ in range(repeats):
        for key, work in works.items():
            if sum(seconds[key]) < budget:
                turn = [seconds_of(work) for _ in range(calls[key])]
                seconds[key] += turn[1:] or turn
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", nargs="*", default=GRAPHS, help="such as 2d-16x16 or rrg-256")
    print(f"{'graph':<12}{'order':<20}{'pairs':>9}{'arrivals':>10}{'levels':>8}")
    for name in parser.parse_args().graphs:
        graph = instance(name)
        for order in ORDERS:
            model = model_of(graph, order)
            frontier = model.frontier
            print(f"{name:<12}{order:<20}{frontier.num_pairs:>9}{frontier.num_arrivals:>10}{num_levels(model):>8}")
