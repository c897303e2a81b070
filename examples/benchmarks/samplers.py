"""Samplers side by side on two glasses: effective samples a second, beside independence Metropolis from a model.

python examples/benchmarks/samplers.py            # some ten minutes
python examples/benchmarks/samplers.py --quick    # seconds, to see it work
"""

import argparse
import os
import time
from pathlib import Path

import torch

import graphar as ga

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
CASES = {"grid2d_pm1_periodic_16x16.edges": 2.0, "rrg3_pm1_n256.edges": 1.5}


def taught(graph, beta, quick):
    """A model that has gone along with a population down to β, and the seconds that it took."""
    model = ga.Autoregressive(graph, ga.heads.MLP(32), exact_width=0 if quick else 12)
    start = time.perf_counter()
    betas = ga.linear(0.2, beta, 3 if quick else 25)
    settings = {"replicas": 64, "rounds": 2, "sweeps": 2, "fit_steps": 2} if quick else {"replicas": 2048}
    found = ga.sequential_tempering(model, betas, **settings, seed=0, progress=False)
    rates = " ".join(f"{rate:.2f}" for rate in found.acceptance[1:, 1].tolist())
    print(f"{found!r}\naccepted at each β: {rates}", flush=True)
    return model.at(beta), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tenths of seconds for each sampler")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each sampler")
    parser.add_argument("--picture", help="file for the bars of the last graph")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seconds = 0.05 if options.quick else options.seconds
    print(f"one thread; load of this machine before: {os.getloadavg()[0]:.1f}")
    for name, beta in CASES.items():
        graph = ga.read(DATASETS / name)
        q, took = taught(graph, beta, options.quick)
        print(f"\n{name}: the model learned for {took:.0f} s", flush=True)
        result = ga.compare_samplers(graph, beta, seconds, q=q, seed=0, progress=False)
        print(result, flush=True)
        if options.picture:
            result.plot(options.picture)


if __name__ == "__main__":
    main()
