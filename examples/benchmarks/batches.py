"""Thousands of small graphs: a union of them, one after the other, and a pool of processes; then each against truth.

python examples/benchmarks/batches.py            # 3-regular ±J and Gaussian graphs of 20 to 60 spins, some minutes
python examples/benchmarks/batches.py --quick    # seconds
"""

import argparse
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import torch

import graphar as ga

BETA = 0.8
PROCESSES = 2


def make(number: int) -> ga.IsingGraph:
    """Of 20 to 60 spins."""
    couplings = "gaussian" if number % 2 else "pm1"
    return ga.random_regular(20 + 2 * (number % 21), degree=3, couplings=couplings, seed=number)


def anneal(graphs: list[ga.IsingGraph], batch_size: int = 256) -> list[Any]:
    models = [ga.Autoregressive(graph) for graph in graphs]
    options = {"steps": 20, "warmup": 0, "batch_size": batch_size, "progress": False}
    ga.anneal(models, ga.linear(0.2, BETA, 4), **options)
    return [model.at(BETA) for model in models]


def free_energy(graphs: list[ga.IsingGraph]) -> list[Any]:
    return [each.bound for each in ga.free_energy([ga.Autoregressive(graph).at(BETA) for graph in graphs], 2000)]


TASKS: dict[str, Callable[[list[ga.IsingGraph]], Any]] = {
    "anneal, 80 steps of 64": partial(anneal, batch_size=64),
    "anneal, 80 steps of 256": anneal,
    "anneal, 80 steps of 1024": partial(anneal, batch_size=1024),
    "free_energy, 2000 samples": free_energy,
    "log_partition": lambda graphs: ga.log_partition(graphs, BETA, progress=False),
    "solve": lambda graphs: ga.solve(graphs, progress=False),
}


def one_by_one(task: str, numbers: range) -> int:
    """In this process or another; quiet, as the models have little time to learn."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    return len([TASKS[task]([make(number)]) for number in numbers])


def rate(count: int, work: Callable[[], Any]) -> float:
    """Graphs a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def compare(count: int) -> None:
    print(
        f"{'graphs a second, making them included':<40}{'together':>12}{'one by one':>12}{f'pool of {PROCESSES}':>12}"
    )
    shares = [range(k, count, PROCESSES) for k in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        for task, work in TASKS.items():
            work([make(0), make(1)])  # so that loops are loaded here, and there
            list(pool.map(one_by_one, [task] * PROCESSES, [range(2)] * PROCESSES))
            together = rate(count, lambda work=work: work([make(k) for k in range(count)]))
            alone = rate(len(shares[0]), lambda task=task: one_by_one(task, shares[0]))
            pooled = rate(count, lambda task=task: list(pool.map(one_by_one, [task] * PROCESSES, shares)))
            print(f"{task:<40}{together:>12.1f}{alone:>12.1f}{pooled:>12.1f}", flush=True)


def against_truth(count: int) -> None:
    graphs = [make(k) for k in range(count)]
    started = time.perf_counter()
    found = ga.free_energy(anneal(graphs), 2000)
    print(f"\n{count} free energies, models annealed first: {count / (time.perf_counter() - started):.1f} a second")
    exact = ga.log_partition(graphs, BETA, progress=False)
    pairs = [(a.log_partition, b.log_partition.value) for a, b in zip(found, exact, strict=True)]
    pulls = torch.tensor([(a.value - b) / a.stderr for a, b in pairs])
    within = [f"{100 * (pulls.abs() < k).double().mean():.2f} %" for k in (1, 2, 3)]
    print(f"log Z against elimination: within 1, 2, 3 errors {', '.join(within)}; largest {pulls.abs().max():.2f}")
    print(f"mean pull {pulls.mean():.3f} ± {1 / count**0.5:.3f}, its spread {pulls.std():.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few graphs")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    compare(4 if options.quick else 200)
    against_truth(20 if options.quick else 5000)
