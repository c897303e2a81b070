"""log Z of four kinds of graphs by every method: value, error, seconds, side by side.

The 2D ferromagnet at its critical point (exact: Kaufman's, by Pfaffians), a ±J torus (exact), a cube with Gaussian
couplings and a 3-regular graph (by elimination where it fits the time, else none is exact).

python examples/free_energies.py [--seconds 30] [--quick]
"""

import argparse
import math
import time
import warnings

import graphar as ga

CRITICAL = math.log(1 + math.sqrt(2)) / 2
CASES = {
    "ferromagnet on a torus": (lambda n: ga.grid((n, n), periodic=True, couplings="ferromagnet"), 16, CRITICAL),
    "±J torus": (lambda n: ga.grid((n, n), periodic=True, couplings="pm1", seed=1), 24, 2.0),
    "Gaussian cube": (lambda n: ga.grid((n, n, n), couplings="gaussian", seed=1), 6, 2.0),
    "±J 3-regular": (lambda n: ga.random_regular(n * n, degree=3, couplings="pm1", seed=1), 16, 3.0),
}


def exact(graph, beta, seconds):
    found = ga.log_partition(graph, beta, seconds, models=False, progress=False)
    return found.log_partition if found.exact else None


def front_door(graph, beta, seconds):
    return ga.log_partition(graph, beta, seconds, exact=False, progress=False).log_partition


def integration(graph, beta, seconds):
    """Tempering from β = 0, and the mean energy integrated."""
    betas = [0.0, *ga.linear(beta / 40, beta, 40)]
    asked = {"keep": 1000, "burn_in": 300, "time_limit": seconds, "progress": False}
    chains = ga.montecarlo.parallel_tempering(graph, betas, 10**6, 8, seed=1, **asked)
    return ga.thermodynamic_integration(graph, list(chains.energies), betas).log_partition[-1]


def population(graph, beta, seconds):
    sweeps, left = 100, seconds
    run = ga.montecarlo.population_annealing(graph, (0.0, beta), sweeps, 1000, seed=1, progress=False)
    left -= run.seconds
    if left > 2 * run.seconds:
        sweeps = int(sweeps * left / run.seconds)
        run = ga.montecarlo.population_annealing(graph, (0.0, beta), sweeps, 1000, seed=1, progress=False)
    return ga.Estimate(float(run.log_partition[-1]), float(run.log_partition_stderr[-1]))


def model_and_bridge(graph, beta, seconds):
    """An annealed model by its own samples, and joined to heat-bath chains."""
    model = ga.Autoregressive(graph, exact_width=6)
    asked = {"warmup": 0, "batch_size": 256, "progress": False}
    betas, began = ga.linear(beta / 10, beta, 10), time.monotonic()
    ga.anneal(model, betas, 2, **asked)
    steps = max(2, int(0.6 * seconds / (time.monotonic() - began) * 2))
    ga.anneal(model, betas, steps, **asked)
    alone = ga.free_energy(model.at(beta), 4000, seed=1).log_partition
    ladder = [beta * k / 20 for k in range(21)]
    asked = {"keep": 200, "time_limit": seconds / 4, "progress": False}
    chains = ga.montecarlo.parallel_tempering(graph, ladder, 10**6, 8, seed=1, **asked)
    return alone, ga.bennett(model.at(beta), chains.spins[-1], 4000, seed=1).log_partition


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each method (default: %(default)g)")
    parser.add_argument("--quick", action="store_true", help="small graphs and a second each")
    options = parser.parse_args()
    seconds = 1.0 if options.quick else options.seconds
    warnings.simplefilter("ignore")  # of too few samples: the errors say it
    methods = {"exact": exact, "log_partition": front_door, "integration": integration, "population": population}
    methods["model; bridge"] = model_and_bridge
    for name, (make, size, beta) in list(CASES.items())[: 1 if options.quick else None]:
        graph = make(4 if options.quick else size)
        print(f"{name}, {graph.num_spins} spins, beta = {beta:.4g}", flush=True)
        for method, answer in methods.items():
            began = time.monotonic()
            found = answer(graph, beta, seconds)
            print(f"  {method:<16}{found or 'none fits'!s:<44}{time.monotonic() - began:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
