"""Make the weights that come with graphar: shared by all sites, learned on many graphs, for graphs never seen.

Each set is trained on random instances of some families, of which others are held out to choose the weights and still
others to score them: the gain in the bound on log Z per spin over belief propagation with the same schedule, means over
instances with standard errors. The file tells all of that, and how it was made.

python examples/message_passing/pretrain_weights.py random_regular_pm1 --output random_regular_pm1.json
python examples/message_passing/pretrain_weights.py random_regular_pm1 --quick
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from torch.utils.data import ConcatDataset

import graphar as ga

SIZES = {
    "random_regular_3_pm1": [(3, 512)],
    "random_regular_pm1": [(3, (128, 256)), (4, 192), (5, 128), (6, 96)],
    "random_regular_gaussian": [(3, (128, 256)), (4, 192), (5, 128), (6, 96)],
    "grid_pm1": [(16, 16), (8, 12), (5, 5, 5)],
    "grid_gaussian": [(16, 16), (8, 12), (5, 5, 5)],
}
SMALL = {"random_regular": [(3, (16, 24)), (4, 16)], "grid": [(4, 4), (2, 3, 3)]}
BETAS = (0.5, 1.0, 1.5, 2.0)


def graphs(name: str, split: str, count: int, quick: bool) -> dict[str, ga.InstanceDataset]:
    """Instances of each kind in a set, by what they are called."""
    found, couplings = {}, name.rsplit("_", 1)[1]
    family = "grid" if name.startswith("grid") else "random_regular"
    for number, kind in enumerate(SMALL[family] if quick else SIZES[name]):
        options = {"num_graphs": count, "couplings": couplings, "split": split, "seed": number}
        if family == "random_regular":
            title = f"d = {kind[0]}, N = {kind[1]}"
            found[title] = ga.InstanceDataset(family, sizes=kind[1], degree=kind[0], **options)
        else:
            found[" × ".join(map(str, kind))] = ga.InstanceDataset(
                family, sizes=(kind,), periodic=len(kind) == 3, **options
            )
    return found


def scores(head: ga.heads.MessagePassing, tests: dict[str, ga.InstanceDataset], samples: int) -> dict:
    """Gain in log Z per spin over no weights: for each kind and β, its mean and standard error."""
    plain = ga.heads.MessagePassing(radius=head.radius, rounds=head.rounds, refresh=head.refresh)
    table = {}
    for name, test in tests.items():
        for beta in BETAS:
            gain = []
            for graph in test:
                models = [ga.Autoregressive(graph, one, ga.nested_dissection) for one in (plain, head)]
                bounds = [ga.free_energy(model.at(beta), samples, seed=0).bound.value for model in models]
                gain.append(beta * (bounds[0] - bounds[1]) / graph.num_spins)
            entry = [float(np.mean(gain)), float(np.std(gain, ddof=1) / len(gain) ** 0.5)]
            table[f"{name}, beta = {beta:g}"] = [round(number, 6) for number in entry]
            print(f"{name:<20} beta = {beta:<4g} {ga.Estimate(*entry)!r}", flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=SIZES, default="random_regular_pm1")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="where to save the weights")
    parser.add_argument("--quick", action="store_true", help="few steps on small graphs")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of low effective sample sizes: bounds are compared

    steps, samples, count = (4, 64, 2) if options.quick else (options.steps, 512, 48 // len(SIZES[options.name]))
    train, held_out = (
        ConcatDataset(list(graphs(options.name, split, number, options.quick).values()))
        for split, number in (("train", count), ("validation", 5))
    )
    start = ga.heads.MessagePassing(radius=8, refresh="return", hidden=16)
    settings = {"learning_rate": 2e-3, "evaluate_every": max(1, steps // 10), "seed": options.seed}
    result = ga.pretrain(train, start, validation=held_out, beta=(0.5, 2.2), steps=steps, graphs_per_step=6, **settings)
    print(result)
    tests = graphs(options.name, "test", 2 if options.quick else 6, options.quick)
    weights = result.weights
    command = (
        f"python examples/message_passing/pretrain_weights.py {options.name} --steps {steps} --seed {options.seed}"
    )
    gains = scores(result.head, tests, samples)
    weights.about |= {"command": command, "scores": {"gain in log Z per spin and its standard error": gains}}
    if options.output:
        weights.save(options.output)


if __name__ == "__main__":
    main()
