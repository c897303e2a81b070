"""What each member of the portfolio of ga.solve is worth, by family: lowest energies without it.

python examples/benchmarks/ablation.py [--seconds 10] [--seeds 5] [FILE ...]

A file is a graph that graphar reads, such as one of the Gset: `G35.gset`.
"""

import argparse
from statistics import median

import graphar as ga

FAMILIES = {
    "3D gaussian 10^3": lambda: ga.grid((10, 10, 10), periodic=True, couplings="gaussian", seed=0),
    "3-regular pm1 4096": lambda: ga.random_regular(4096, degree=3, couplings="pm1", seed=0),
    "6-regular pm1 2000": lambda: ga.random_regular(2000, degree=6, couplings="pm1", seed=0),
    "20-regular pm1 1000": lambda: ga.random_regular(1000, degree=20, couplings="pm1", seed=0),
    "SK 512": lambda: ga.sherrington_kirkpatrick(512, seed=0),
}
EVERYWHERE = ("annealing", "reheating", "tabu", "tempering")
ON_SPARSE = ("crossover", "re-solution", "neural")


def lowest(graph: ga.IsingGraph, seconds: float, seeds: int, without: tuple[str, ...]) -> list[ga.Solution]:
    """Solutions of as many seeds."""
    return [ga.solve(graph, seconds, seed=seed, without=without, progress=False) for seed in range(seeds)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="graphs in place of those made here")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each run (default: %(default)g)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each (default: %(default)d)")
    parser.add_argument(
        "--quick", action="store_true", help="one graph, one member, one seed and a quarter of a second"
    )
    options = parser.parse_args()
    seconds, seeds = (0.25, 1) if options.quick else (options.seconds, options.seeds)
    graphs = {name: (lambda name=name: ga.read(name)) for name in options.files} or FAMILIES
    ga.solve(ga.random_regular(64, degree=12, couplings="pm1", seed=0), 0.5, progress=False)  # loads the loops
    for name, made in list(graphs.items())[: 1 if options.quick else None]:
        graph = made()
        sparse = 2 * graph.num_couplings <= 8 * graph.num_spins
        members = (*EVERYWHERE, *(ON_SPARSE if sparse else ()))
        runs = {"": lowest(graph, seconds, seeds, ())}
        runs |= {member: lowest(graph, seconds, seeds, (member,)) for member in members[: 1 if options.quick else None]}
        best = min(run.energy for found in runs.values() for run in found)
        print(f"{name}: lowest {best:.8g}, in {seconds:g} s")
        for member, found in runs.items():
            above = [run.energy - best for run in found]
            told = f"met {sum(each < 1e-9 * abs(best) for each in above)} of {seeds}"
            middle = f"median {median(above):.4g} above"
            print(f"  {'without ' + member if member else 'all':<22}{middle:<22}{told}", flush=True)


if __name__ == "__main__":
    main()
