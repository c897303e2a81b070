"""A sweep on two cores: two processes of one thread each against one task at a time with two threads.

python examples/benchmarks/sweep.py [--quick] [--tasks 100] [--turns 3]

Both ways run in worker processes that have annealed once before the clock starts, and in turns, as other work on the
machine slows both.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import graphar as ga

WAYS = {"two processes, one thread each": (2, 1), "one process, two threads": (1, 2)}


def anneal(instance: int, size: int, steps: int, batch_size: int) -> dict[str, Any]:
    graph = ga.random_regular(size, degree=3, couplings="pm1", seed=instance)
    run = ga.anneal(
        ga.Autoregressive(graph), ga.linear(0.1, 2.0, 5), steps, warmup=0, batch_size=batch_size, progress=False
    )
    return {"best_energy": run.best_energy, "steps": run.step}


def warm(seconds: float) -> float:
    """Load what is compiled, long enough for each worker to get one."""
    anneal(0, 256, 1, 64)
    time.sleep(seconds)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few small tasks, to see it work")
    parser.add_argument("--tasks", type=int, help="annealings of each turn (default: 100)")
    parser.add_argument("--turns", type=int, help="of each way (default: 3)")
    parser.add_argument("--batch-size", type=int, default=512)
    options = parser.parse_args()
    tasks = options.tasks or (2 if options.quick else 100)
    turns = options.turns or (1 if options.quick else 3)
    size, steps = (16, 2) if options.quick else (256, 20)
    settings = {"instance": range(tasks), "size": size, "steps": steps, "batch_size": options.batch_size}

    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        pools = {way: ProcessPoolExecutor(workers, get_context("spawn")) for way, (workers, _) in WAYS.items()}
        for way, pool in pools.items():
            list(pool.map(warm, [0.0 if options.quick else 2.0] * WAYS[way][0]))
        for turn in range(turns):
            for number, (way, (_, threads)) in enumerate(WAYS.items()):
                out = Path(folder, f"{number}-{turn}")
                start = time.perf_counter()
                done = ga.sweep(anneal, settings, out, pools[way], threads=threads, progress=False)
                spent[way].append(time.perf_counter() - start)
                assert not done.failures, done
                tables.append(ga.collect(out, over=())[["instance", "best_energy", "steps"]])
                print(f"turn {turn + 1}, {way}: {spent[way][-1]:.1f} s", flush=True)
        for pool in pools.values():
            pool.shutdown()
    assert all(table.equals(tables[0]) for table in tables), "results depend on the number of threads"
    side_by_side, alone = (median(seconds) for seconds in spent.values())
    print(f"{tasks} annealings of {size} spins: {alone / side_by_side:.2f} times the throughput")


if __name__ == "__main__":
    main()
