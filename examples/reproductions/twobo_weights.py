"""Weights against N of the networks in twobo.py: dense, TwoBo's own, and sparse ones in several orders.

python examples/reproductions/twobo_weights.py            # up to 1024 spins
python examples/reproductions/twobo_weights.py --full     # up to 4096 spins, MADE left out above 1024
python examples/reproductions/twobo_weights.py --quick    # up to 128 spins
"""

import argparse
from pathlib import Path

from tqdm import tqdm
from twobo import NETWORKS, instance

import graphar as ga

SIZES = {"2D": (4, 8, 16, 32, 64), "3D": (3, 4, 6, 8, 10, 16), "random regular": (16, 64, 256, 1024, 4096)}
DENSE = 1024  # spins, above which a dense network is left out
Weights = dict[str, dict[int, list[int | None]]]  # by family and N, in the order of the networks


def weights(graph: ga.IsingGraph) -> list[int | None]:
    return [
        None if name == "MADE" and graph.num_spins > DENSE else ga.Autoregressive(graph, head, **how).num_parameters
        for name, (head, how) in NETWORKS.items()
    ]


def table(counts: Weights) -> str:
    lines = []
    for family, by_size in counts.items():
        lines += [f"{family:<15}{'N':>6}" + "".join(f"{name:>19}" for name in NETWORKS)]
        for n, row in by_size.items():
            lines += [f"{n:>21}" + "".join(f"{'' if count is None else f'{count:,}':>19}" for count in row)]
    return "\n".join(lines)


def draw(counts: Weights, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(counts), figsize=(13, 4.5), layout="constrained", sharey=True)
    for axes, (family, by_size) in zip(panels, counts.items(), strict=True):
        for name, column in zip(NETWORKS, zip(*by_size.values(), strict=True), strict=True):
            points = [(n, count) for n, count in zip(by_size, column, strict=True) if count]  # zero has no logarithm
            axes.loglog(*zip(*points, strict=True), "o-", label=name)
        axes.set(title=family, xlabel="N")
    panels[0].set_ylabel("weights")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(NETWORKS))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="up to 128 spins")
    size.add_argument("--full", action="store_true", help="up to 4096 spins")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the counts")
    options = parser.parse_args()

    largest = 4096 if options.full else 128 if options.quick else 1024
    counts: Weights = {family: {} for family in SIZES}
    for family, size in tqdm([(family, size) for family, sizes in SIZES.items() for size in sizes], unit="graph"):
        graph = instance(family, size)
        if graph.num_spins <= largest:
            counts[family][graph.num_spins] = weights(graph)
    print(table(counts))
    if options.picture:
        draw(counts, options.picture)


if __name__ == "__main__":
    main()
