"""The Wishart planted ensemble over α: how often annealing ends in the planted ground state.

A complete graph of N = 32 spins, as in variational neural annealing, arXiv:2101.10154. Printed for each head: on how
many instances the lowest energy met is the planted one, and the part of samples at the last β that have it, both signs
taken together, for the instance in the middle.

python examples/wishart.py            # ten minutes
python examples/wishart.py --quick    # seconds
"""

import argparse
import warnings
from pathlib import Path
from statistics import mean, median

import graphar as ga

MODELS = {
    "Linear": (ga.heads.Linear, {}),
    "Linear, dial at 10": (ga.heads.Linear, {"exact_width": 10}),
    "MLP": (ga.heads.MLP(hidden=16), {}),
    "MADE": (ga.heads.MADE(depth=2, width=2), {}),
}
Results = dict[str, dict[float, list[tuple[bool, float]]]]  # by name and α: found or not, and the part of samples


def trial(graph: ga.IsingGraph, name: str, steps: int, stages: int) -> tuple[bool, float]:
    """One annealing: whether the planted energy was met, and the part of samples at the last β that have it."""
    head, options = MODELS[name]
    model = ga.Autoregressive(graph, head, **options)
    betas = ga.geometric(0.5, 50.0, stages)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that training ended above energies that were met: this is what is counted
        run = ga.anneal(model, betas, steps, warmup=4 * steps, batch_size=256, progress=False)
    planted = float(graph.energy(graph.planted))
    energy = graph.energy(model.at(betas[-1]).sample(2000, seed=1))
    return run.best_energy < planted + 1e-9, float((energy < planted + 1e-9).double().mean())


def measure(num_spins: int, alphas: list[float], instances: int, steps: int, stages: int) -> Results:
    results: Results = {name: {} for name in MODELS}
    print(f"N = {num_spins}, {instances} instances for each α, {steps} steps at each of {stages} β")
    print(f"{'α':>6}" + "".join(f"{name:>22}" for name in MODELS), flush=True)
    for alpha in alphas:
        cells = []
        for name in MODELS:
            graphs = [ga.wishart_planted(num_spins, alpha, seed=seed) for seed in range(instances)]
            results[name][alpha] = trials = [trial(graph, name, steps, stages) for graph in graphs]
            share = median(part for _, part in trials)
            cells.append(f"{sum(found for found, _ in trials)} of {instances}, {100 * share:5.1f} %")
        print(f"{alpha:>6g}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
    return results


def draw(results: Results, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, by_alpha in results.items():
        alphas = list(by_alpha)
        panels[0].plot(alphas, [mean(found for found, _ in trials) for trials in by_alpha.values()], "o-", label=name)
        panels[1].plot(alphas, [mean(part for _, part in trials) for trials in by_alpha.values()], "o-")
    panels[0].set_ylabel("instances whose ground state was met")
    panels[1].set_ylabel("samples at the last β that are ground states")
    for axes in panels:
        axes.set(xlabel="α", ylim=(-0.03, 1.03))
    figure.legend(loc="outside upper center", ncols=len(results))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small instances and short schedules, to see it work")
    parser.add_argument("--picture", type=Path, help="where to save a picture")
    options = parser.parse_args()

    if options.quick:
        results = measure(12, [0.25, 0.75], 2, steps=4, stages=5)
    else:
        results = measure(32, [0.125, 0.25, 0.5, 0.75, 1.0, 1.5], 8, steps=20, stages=30)
    if options.picture:
        draw(results, options.picture)


if __name__ == "__main__":
    main()
