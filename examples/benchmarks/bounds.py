"""How far lower bounds are from the ground energy, on average by family, and bounds of larger graphs.

python examples/benchmarks/bounds.py
"""

import argparse
from statistics import mean

import graphar as ga
from graphar.solvers.bounds import lower_bound

METHODS = ("trivial", "spectral", "semidefinite", "odd_cycles", "auto")
FAMILIES = {
    "pm1 grid 4x4": lambda seed: ga.grid((4, 4), couplings="pm1", seed=seed),
    "gaussian torus 4x4": lambda seed: ga.grid((4, 4), periodic=True, couplings="gaussian", seed=seed),
    "gaussian grid 4x4 in fields": lambda seed: ga.grid((4, 4), couplings="gaussian", field="gaussian", seed=seed),
    "pm1 3-regular 16": lambda seed: ga.random_regular(16, degree=3, couplings="pm1", seed=seed),
    "SK 16": lambda seed: ga.sherrington_kirkpatrick(16, seed=seed),
}
LARGE = {
    "pm1 torus 32x32": lambda: ga.grid((32, 32), periodic=True, couplings="pm1", seed=0),
    "pm1 3-regular 1024": lambda: ga.random_regular(1024, degree=3, couplings="pm1", seed=0),
    "SK 200": lambda: ga.sherrington_kirkpatrick(200, seed=0),
}


def mean_gap(family: str, method: str, count: int) -> float:
    """(ground energy − bound) / |ground energy|, in percent."""
    gaps = []
    for seed in range(count):
        graph = FAMILIES[family](seed)
        lowest = ga.exact.enumerate(graph, 1.0).ground_energy
        gaps.append(100 * (lowest - lower_bound(graph, method=method, time_limit=0.5).value) / abs(lowest))
    return mean(gaps)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two graphs a family, no larger ones")
    options = parser.parse_args()
    print("mean gap in percent".ljust(30) + "".join(f"{method:>14}" for method in METHODS))
    for family in FAMILIES:
        gaps = [mean_gap(family, method, 2 if options.quick else 20) for method in METHODS]
        print(family.ljust(30) + "".join(f"{gap:>14.2f}" for gap in gaps))
    for name, made in {} if options.quick else LARGE.items():
        print(f"{name}: {lower_bound(made(), time_limit=30)}")
