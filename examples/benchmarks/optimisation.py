"""Lowest energies by ga.solve within a time, beside dwave-samplers' annealing and tabu search where installed.

python examples/benchmarks/optimisation.py [--time 10] [FILE ...]
"""

import argparse
import time
from importlib.util import find_spec

import graphar as ga

FAMILIES = {
    "pm1 torus 32x32": lambda: ga.grid((32, 32), periodic=True, couplings="pm1", seed=0),
    "pm1 3-regular 1024": lambda: ga.random_regular(1024, degree=3, couplings="pm1", seed=0),
    "pm1 torus 8x8x8": lambda: ga.grid((8, 8, 8), periodic=True, couplings="pm1", seed=0),
    "gaussian torus 24x24 in fields": lambda: ga.grid(
        (24, 24), periodic=True, couplings="gaussian", field="gaussian", seed=0
    ),
    "SK 500": lambda: ga.sherrington_kirkpatrick(500, seed=0),
    "pm1 6-regular 500": lambda: ga.random_regular(500, degree=6, couplings="pm1", seed=0),
}


def beside(graph: ga.IsingGraph, seconds: float) -> dict[str, float]:
    """Lowest energies of dwave-samplers, restarted until the time is over."""
    if find_spec("dwave") is None or find_spec("dwave.samplers") is None:
        return {}
    from dwave.samplers import SimulatedAnnealingSampler, TabuSampler

    model, lowest = graph.to_dimod(), {}
    start, seed, best = time.monotonic(), 0, float("inf")
    while time.monotonic() - start < seconds:
        best = min(best, SimulatedAnnealingSampler().sample(model, num_reads=10, seed=seed).first.energy)
        seed += 1
    lowest["annealing"] = best
    lowest["tabu"] = TabuSampler().sample(model, timeout=int(1000 * seconds), num_reads=1, seed=0).first.energy
    return lowest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="graphs in place of those made here")
    parser.add_argument("--time", type=float, default=10.0, help="seconds for each (default: %(default)g)")
    parser.add_argument("--quick", action="store_true", help="one graph and half a second")
    options = parser.parse_args()
    seconds = 0.5 if options.quick else options.time
    graphs = {name: (lambda name=name: ga.read(name)) for name in options.files} or FAMILIES
    ga.solve(ga.random_regular(64, degree=12, couplings="pm1", seed=0), 0.5, progress=False)  # loads the loops
    for name, made in list(graphs.items())[: 1 if options.quick else None]:
        graph = made()
        found = ga.solve(graph, seconds, progress=False)
        proof = "lowest" if found.optimal else f"bound {found.bound:.6g}"
        told = f"{found.energy:.6g} by {found.method} after {found.time_to_best:.2f} s, {proof}"
        others = ", ".join(f"{other} {energy:.6g}" for other, energy in beside(graph, seconds).items())
        print(f"{name}: {told}; dwave-samplers: {others or 'not installed'}", flush=True)


if __name__ == "__main__":
    main()
