"""Peak memory of a train step, each in a process of its own.

python examples/benchmarks/memory.py            # batch 1024
python examples/benchmarks/memory.py --quick    # a small graph
"""

import argparse
import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch
from cases import ORDERS, instance, model_of, tasks
from dense_twobo import DenseTwoBo


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_new_process(function: Callable, *arguments: Any) -> Any:
    """What a function returns when nothing has run before it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["graphar.training", "numba"])
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(function, *arguments).result()


def train_step(name: str, order: str, batch_size: int, threads: int) -> int:
    """Bytes that building a model and training it for a step take, beyond those of a model of 16 spins.

    ``order`` is one of ``ORDERS``; any other means the dense TwoBo.
    """
    torch.set_num_threads(threads)
    tasks(model_of(instance("2d-4x4"), "natural"), 16)["train"]()  # so that loading code is not counted
    before = peak_bytes()
    model = model_of(instance(name), order if order in ORDERS else "natural")
    work = tasks(model, batch_size) if order in ORDERS else DenseTwoBo(model).tasks(batch_size)
    work["train"]()
    return peak_bytes() - before


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph and batch")
    parser.add_argument("--graphs", nargs="*", help="such as 2d-16x16 or rrg-256")
    options = parser.parse_args()
    names = options.graphs or (["2d-6x6"] if options.quick else ["2d-16x16", "rrg-256"])
    for name in names:
        for order in [*ORDERS, "dense TwoBo"]:
            size = in_new_process(train_step, name, order, 64 if options.quick else 1024, torch.get_num_threads())
            print(f"{name:<12}{order:<20}{size / 1e6:>8.0f} MB")
