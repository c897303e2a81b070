"""Spin updates per second on one thread, beside the simulated annealing of dwave-samplers where it is installed.

python examples/benchmarks/montecarlo.py            # a minute
python examples/benchmarks/montecarlo.py --quick    # seconds, to see it work
"""

import argparse
import os
import time

import torch

import graphar as ga

BETAS = (0.1, 3.0)


def graphs(quick):
    """Name, graph."""
    n, side, dense = (64, 4, 20) if quick else (1024, 8, 200)
    for couplings in ("gaussian", "pm1"):
        yield f"random 3-regular {n}, {couplings}", ga.random_regular(n, degree=3, couplings=couplings, seed=0)
        yield f"cube {side}³, {couplings}", ga.grid((side,) * 3, periodic=True, couplings=couplings, seed=0)
    yield f"complete {dense}, gaussian", ga.sherrington_kirkpatrick(dense, seed=0)


def ours(graph, sampler, replicas, sweeps):
    """Seconds for an anneal of so many sweeps."""
    start = time.perf_counter()
    ga.montecarlo.simulated_annealing(
        graph, BETAS, sweeps, replicas, seed=0, sampler=sampler, measure=0, progress=False
    )
    return time.perf_counter() - start


def theirs(graph, replicas, sweeps):
    """The same by dwave-samplers; None where it is missing."""
    try:
        from dwave.samplers import SimulatedAnnealingSampler
    except ImportError:
        return None
    model, sampler = graph.to_dimod(), SimulatedAnnealingSampler()
    settings = {"beta_range": BETAS, "beta_schedule_type": "linear", "num_reads": replicas, "num_sweeps": sweeps}
    start = time.perf_counter()
    sampler.sample(model, seed=0, **settings)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small graphs, few sweeps")
    parser.add_argument("--repeats", type=int, default=3, help="turns, of which the quickest counts")
    options = parser.parse_args()
    quick = options.quick
    torch.set_num_threads(1)
    print(f"β from {BETAS[0]} to {BETAS[1]}, one thread; load of this machine before: {os.getloadavg()[0]:.1f}")
    print(f"{'graph':32} {'coding':8} {'updates/µs':>12} {'dwave':>8} {'factor':>8}")
    for name, graph in graphs(quick):
        codings = {"rows": (64, 20 if quick else 1000)}
        if "pm1" in name:
            codings["bits"] = (1024, 20 if quick else 1000)
        for coding, (replicas, sweeps) in codings.items():
            sampler = ga.montecarlo.Metropolis(graph, coding=coding)
            ours(graph, sampler, replicas, 2)  # compiled
            mine, other = [], []
            for _ in range(1 if quick else options.repeats):  # in turns, so that both meet the same machine
                mine.append(ours(graph, sampler, replicas, sweeps))
                other.append(theirs(graph, 4 if quick else 16, sweeps))
            rate = graph.num_spins * replicas * sweeps / min(mine) / 1e6
            if None in other:
                print(f"{name:32} {coding:8} {rate:12.0f} {'–':>8} {'–':>8}", flush=True)
                continue
            reference = graph.num_spins * (4 if quick else 16) * sweeps / min(other) / 1e6
            print(f"{name:32} {coding:8} {rate:12.0f} {reference:8.1f} {rate / reference:8.1f}", flush=True)
    print("dwave: simulated annealing of dwave-samplers (pip install dwave-samplers), where it is installed")


if __name__ == "__main__":
    main()
