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

SETS = {
    f"{family}_{couplings}": (family, couplings)
    for family in ("random_regular", "grid")
    for couplings in ("pm1", "gaussian")
}
SIZES = {
    "random_regular": [(3, (128, 256)), (3, (96, 192)), (4, 128), (5, 96), (6, 64)],
    "grid": [(16, 16), (8, 12), (5, 5, 5)],
}
SMALL = {"random_regular": [(3, (16, 24)), (4, 16)], "grid": [(4, 4), (2, 3, 3)]}
BETAS = {"random_regular": (0.5, 1.0, 1.5, 2.0), "grid": (0.5, 1.0, 1.5, 2.0)}


def graphs(family: str, couplings: str, split: str, count: int, quick: bool) -> dict[str, ga.InstanceDataset]:
    """Instances of each kind of a family, by what they are called."""
    found = {}
    for number, kind in enumerate((SMALL if quick else SIZES)[family]):
        options = {"num_graphs": count, "couplings": couplings, "split": split, "seed": number}
        if family == "random_regular":
            name = f"d = {kind[0]}, N = {kind[1]}"
            found[name] = ga.InstanceDataset(family, sizes=kind[1], degree=kind[0], **options)
        else:
            found[" × ".join(map(str, kind))] = ga.InstanceDataset(
                family, sizes=(kind,), periodic=len(kind) == 3, **options
            )
    return found


def scores(head: ga.heads.MessagePassing, tests: dict[str, ga.InstanceDataset], betas: tuple[float, ...], samples: int):
    """Gain in log Z per spin over no weights: for each kind and β, its mean and standard error."""
    plain = ga.heads.MessagePassing(radius=head.radius, rounds=head.rounds, refresh=head.refresh)
    table = {}
    for name, test in tests.items():
        for beta in betas:
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
    parser.add_argument("name", nargs="?", choices=SETS, default="random_regular_pm1")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="where to save the weights")
    parser.add_argument("--quick", action="store_true", help="few steps on small graphs")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of low effective sample sizes: bounds are compared

    family, couplings = SETS[options.name]
    steps, samples, count = (4, 64, 2) if options.quick else (options.steps, 512, 16)
    train, held_out = (
        ConcatDataset(list(graphs(family, couplings, split, number, options.quick).values()))
        for split, number in (("train", count), ("validation", 4))
    )
    start = ga.heads.MessagePassing(radius=8, refresh="return", hidden=16)
    settings = {"learning_rate": 2e-3, "evaluate_every": max(1, steps // 10), "seed": options.seed}
    result = ga.pretrain(train, start, validation=held_out, beta=(0.3, 2.2), steps=steps, graphs_per_step=6, **settings)
    print(result)
    tests = graphs(family, couplings, "test", 2 if options.quick else 6, options.quick)
    weights = result.weights
    command = (
        f"python examples/message_passing/pretrain_weights.py {options.name} --steps {steps} --seed {options.seed}"
    )
    gains = scores(result.head, tests, BETAS[family], samples)
    weights.about |= {"command": command, "scores": {"gain in log Z per spin and its standard error": gains}}
    if options.output:
        weights.save(options.output)


if __name__ == "__main__":
    main()
