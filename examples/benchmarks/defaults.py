"""What the defaults of annealing are worth: equal steps and samples without them and with them, on small instances.

before: every site learned, Adam's steps of 1e-3, the last weights. after: exact sites as far as tables of 20 kB a spin
reach, the head's own rate, the mean of late weights. Gaps are log Z + βF_q at β = 1 and 2, in nats; off is what
importance sampling misses log Z by at β = 2. Both are against the reference values of the data sets or, where there
are none, against the best estimate of the two. Seconds are of training, on one thread.

python examples/benchmarks/defaults.py                  # the data sets
python examples/benchmarks/defaults.py --seeds 1 2 3    # other instances
python examples/benchmarks/defaults.py --quick          # one, and few steps
"""

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

import graphar as ga

DATASETS = Path(__file__).parent.parent.parent / "datasets"
BYTES = 2e4  # of tables for each spin
FAMILIES = {
    "torus": lambda seed: ga.grid((16, 16), periodic=True, couplings="pm1", seed=seed),
    "cube": lambda seed: ga.grid((6, 6, 6), periodic=True, couplings="pm1", seed=seed),
    "rrg3": lambda seed: ga.random_regular(256, degree=3, couplings="pm1", seed=seed),
    "sk": lambda seed: ga.sherrington_kirkpatrick(100, couplings="gaussian", seed=seed),
    "random": lambda seed: ga.erdos_renyi(256, mean_degree=4, couplings="pm1", seed=seed),
}
HEAD = f"{'graph':<28}{'':<8}{'exact':>6}{'weights':>9}{'gap at 1':>12}{'gap at 2':>12}{'off':>16}"
HEAD += f"{'ESS':>7}{'E':>10}{'s':>6}"


def instances(seeds: list[int], only: str) -> Iterator[tuple[str, ga.IsingGraph, dict[float, float]]]:
    """Name, graph and log Z by β where it is known: the data sets, or a graph of every family for each seed."""
    for seed in seeds:
        for name, build in FAMILIES.items():
            if only in name:
                yield f"{name}, seed {seed}", build(seed), {}
    entries = json.loads((DATASETS / "index.json").read_text())["instances"]
    for entry in [] if seeds else entries:
        if only in entry["file"]:
            known = {value["beta"]: value["value"] for value in entry["log_partition"]["values"]}
            yield entry["file"].rsplit(".", 1)[0], ga.read(DATASETS / entry["file"]), known


def measure(name: str, graph: ga.IsingGraph, known: dict[float, float], quick: bool, samples: int) -> list[str]:
    """A line before and one after."""
    kinds = {
        "before": (ga.heads.Linear, {"learning_rate": 1e-3, "average": False}),
        "after": (ga.heads.Linear, {"exact_width": "auto", "memory": BYTES * graph.num_spins}),
    }
    beta = ga.linear(0.5, 2.0, 4) if quick else ga.linear(0.1, 2.0, 20)
    budget = {"steps": 4, "batch_size": 64} if quick else {"steps": 50, "batch_size": 256}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a low ESS, which is printed
        result = ga.compare(
            graph, kinds, beta=beta, warmup=0, **budget, reference=None, evaluate_samples=samples, progress=False
        )
    best = [known.get(round(b, 9), one.log_partition.value) for b, one in zip(beta, result.references(), strict=True)]
    lines = []
    at_one = min(range(len(beta)), key=lambda k: abs(beta[k] - 1))
    for kind, run in result.runs.items():
        model, last = result.models[kind], run.history[-1]
        gaps = "".join(f"{best[k] + beta[k] * run.history[k].bound:>12.3f}" for k in (at_one, -1))
        off = f"{last.log_partition - best[-1]:+.3f} ± {last.log_partition_stderr:.3f}"
        exact = 0 if model.core is None else graph.num_spins - model.core.num_spins
        cells = f"{name if kind == 'before' else '':<28}{kind:<8}{exact:>6}{model.num_parameters:>9,}{gaps}{off:>16}"
        share = 100 * last.ess / last.num_samples
        lines.append(f"{cells}{share:>6.1f}%{run.best_energy:>10.6g}{run.seconds:>6.1f}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="of other instances, instead of the data sets")
    parser.add_argument("--only", default="", help="a part of the names that are wanted")
    parser.add_argument("--quick", action="store_true", help="the smallest data set and few steps")
    options = parser.parse_args()

    torch.set_num_threads(1)
    print(HEAD)
    for instance in instances(options.seeds, "maxcut" if options.quick else options.only):
        print(*measure(*instance, options.quick, samples=500 if options.quick else 2000), sep="\n", flush=True)


if __name__ == "__main__":
    main()
