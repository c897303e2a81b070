"""Times of sampling, log q and train steps against a dense TwoBo and against this machine's arithmetic.

python examples/benchmarks/speed.py                          # about ten minutes: tables
python examples/benchmarks/speed.py --picture scaling.png    # and a plot of time against pairs
python examples/benchmarks/speed.py --large                  # and a million spins
python examples/benchmarks/speed.py --quick                  # seconds, to see it work
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

import comparison
import machine
import million
import scaling
import scatter_gain
import torch
from cases import BETA, GRAPHS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph and batch, few repeats")
    parser.add_argument("--large", action="store_true", help="also the 1000×1000 grid and a graph of 10^6 spins")
    parser.add_argument("--graphs", nargs="*", help=f"such as 2d-8x8 or rrg-64; {' '.join(GRAPHS)} by default")
    parser.add_argument("--sizes", type=int, nargs="*", help="numbers of spins of the scaling section, rising")
    parser.add_argument("--batch-size", type=int, help="1024 by default")
    parser.add_argument("--repeats", type=int, help="turns that each task takes, of one to 20 calls; 7 by default")
    parser.add_argument("--dense-limit", type=int, default=1024, help="largest number of spins for the dense TwoBo")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--picture", type=Path, help="where to save the plot of time against pairs")
    parser.add_argument("--json", type=Path, help="where to save every time measured, in seconds")
    options = parser.parse_args()
    quick, threads = options.quick, options.threads
    graphs = options.graphs or (["rrg-64"] if quick else GRAPHS)
    sizes = options.sizes or (scaling.QUICK_SIZES if quick else scaling.SIZES)
    batch_size = options.batch_size or (128 if quick else 1024)
    repeats, budget = options.repeats or (2 if quick else 7), 0.5 if quick else 10.0

    busy = os.getloadavg()[0]
    torch.set_num_threads(threads)
    rates = [machine.measure(count) for count in sorted({1, threads})]
    print("This machine, operands of multiply-adds in first-level cache:", *rates, sep="\n")
    print(f"The bound takes {machine.RANDOM} integer and {machine.DRAWING} floating operations per drawn spin.")
    print(f"Load of this machine before the start: {busy:.1f} (times mean little unless it is near 0).\n")

    print(f"Batch {batch_size}, β = {BETA}, float32, {threads} thread{'s' * (threads > 1)}")
    print(comparison.aligned(comparison.COLUMNS))
    table = []
    for name in graphs:
        table += (rows := comparison.measure(name, rates[-1], batch_size, repeats, budget, options.dense_limit))
        print(*comparison.lines(rows), sep="\n", flush=True)
    print(comparison.LEGEND)

    print(f"\nGrowth: random 3-regular graphs, breadth-first order, radius {scaling.RADIUS}, batch {batch_size // 4}")
    growth = scaling.measure(sizes, batch_size // 4, repeats, budget)
    print(scaling.table(growth))
    for task in ("sample", "train"):
        print(f"{task}: time per pair at N = {sizes[-1]} is {scaling.growth(growth, task):.2f} × that at {sizes[0]}")

    print()
    gain = scatter_gain.measure(repeats=repeats, num_graphs=30 if quick else 1000)
    print(*scatter_gain.lines(gain), sep="\n", flush=True)

    large = million.measure(100 if quick else 1000, 64, threads) if options.large else {}
    if large:
        print(f"\nRadius {million.RADIUS}, batch 64, first calls", million.table(large), sep="\n")
    if options.picture:
        scaling.picture(growth, options.picture)
    if options.json:
        text = {" ".join(key): times for key, times in gain.items()}
        numbers = {"machine": [asdict(rate) for rate in rates], "comparison": table, "scaling": growth}
        options.json.write_text(json.dumps(numbers | {"torch-scatter": text, "million": large}, indent=1))


if __name__ == "__main__":
    main()
