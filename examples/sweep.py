"""How much exact sites help: the same annealing for some widths on many random glasses, two at a time.

python examples/sweep.py [--quick] [--out FOLDER]

Started again with the same folder, it goes on where it was stopped.
"""

import argparse
from pathlib import Path
from typing import Any

import graphar as ga


def gap(instance: int, exact_width: int, quick: bool, seed: int = 0) -> dict[str, Any]:
    """By how much the variational free energy of a trained model lies above the exact one."""
    graph = ga.random_regular(16 if quick else 64, degree=3, couplings="pm1", seed=instance)
    model = ga.Autoregressive(graph, exact_width=exact_width, seed=seed)
    steps = 5 if quick else 50
    ga.anneal(model, ga.linear(0.1, 1.5, 10), steps, warmup=steps, batch_size=256, seed=seed, progress=False)
    found = ga.free_energy(model.at(1.5), 1000, seed=seed)
    exact = ga.exact.eliminate(graph, 1.5)
    print(found)  # into the log of the task
    return {"gap": found.bound.value + exact.log_partition / 1.5, "ess": found.ess, "lowest": found.best_energy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few small graphs, short annealing")
    parser.add_argument("--out", type=Path, default=Path("runs", "widths"))
    options = parser.parse_args()

    settings = {
        "instance": range(2 if options.quick else 50),
        "exact_width": [0, 4] if options.quick else [0, 4, 8],
        "quick": options.quick,
    }
    print(ga.sweep(gap, settings, options.out, workers=1 if options.quick else 2))
    print(ga.collect(options.out)[["exact_width", "num_independent", "gap", "gap_stderr", "ess", "ess_stderr"]])


if __name__ == "__main__":
    main()
