"""Spin updates per second of the samplers on a GPU, beside those of the CPU, and whether both have the same chains.

python examples/benchmarks/gpu_montecarlo.py            # minutes, on a machine with an NVIDIA GPU
python examples/benchmarks/gpu_montecarlo.py --quick    # small; without a GPU by Triton's interpreter, where installed

The interpreter tells whether chains agree, never how fast a card is.
"""

import argparse
import os
import time
from importlib.util import find_spec

import torch

CARD = torch.cuda.is_available()
if not CARD:
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is loaded

import graphar as ga  # noqa: E402

mc = ga.montecarlo


def graphs(quick):
    """Name, graph."""
    n, side = (6, 2) if quick else (1024, 64)
    yield f"random 3-regular {n}, gaussian", ga.random_regular(n, degree=3, couplings="gaussian", seed=0)
    yield f"square {side}², ±J", ga.grid((side, side), couplings="pm1", seed=0)


def cases(name, quick):
    """Sampler, replicas, sweeps."""
    some = (64,) if quick else (1024, 16_384, 262_144)
    for replicas in some:
        sweeps = 2 if quick else max(10, 2**22 // replicas // 16)
        yield "heat bath", lambda graph, kernel: mc.HeatBath(graph, order="coloured", kernel=kernel), replicas, sweeps
        if "±J" in name:
            make = lambda graph, kernel: mc.Metropolis(graph, coding="bits", kernel=kernel)  # noqa: E731
            yield "Metropolis, bits", make, replicas, sweeps


def run(sampler, replicas, sweeps):
    """Spins after an anneal, and seconds of it, when all is compiled."""
    found = {}
    for _ in range(2):
        start = time.perf_counter()
        found = mc.simulated_annealing(
            sampler.graph, (0.1, 2.0), sweeps, replicas, seed=0, sampler=sampler, measure=0, progress=False
        )
    return found.spins, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small graphs, few sweeps")
    quick = parser.parse_args().quick
    if find_spec("triton") is None:
        print('Triton is not installed: pip install "graphar-arnn[triton]"')
        return
    if not CARD and not quick:
        print("There is no NVIDIA GPU here; --quick compares chains by Triton's interpreter.")
        return
    print(torch.cuda.get_device_name() if CARD else "Triton's interpreter: times mean nothing")
    print("| graph | sampler | replicas | updates/ns, CPU | updates/ns, GPU | same spins |\n|---|---|---|---|---|---|")
    for name, graph in graphs(quick):
        for title, make, replicas, sweeps in cases(name, quick):
            there = graph.to("cuda") if CARD else graph
            spins, cpu = run(make(graph, "numba"), replicas, sweeps)
            same, card = run(make(there, "triton"), replicas, sweeps)
            updates = graph.num_spins * replicas * sweeps * 1e-9
            share = float((spins == same).all(1).double().mean())
            print(f"| {name} | {title} | {replicas:,} | {updates / cpu:.2g} | {updates / card:.2g} | {share:.2%} |")


if __name__ == "__main__":
    main()
