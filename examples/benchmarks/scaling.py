"""How time grows with size: random 3-regular graphs, breadth-first order, frontiers cut at distance 6.

python examples/benchmarks/scaling.py --picture scaling.png    # 10^3 to 10^5 spins
python examples/benchmarks/scaling.py --quick                  # seconds
"""

import argparse
from pathlib import Path
from statistics import median
from typing import Any

from cases import instance, interleaved, tasks

import graphar as ga

SIZES, QUICK_SIZES = [10**3, 10**4, 10**5], [300, 1000]
RADIUS = 6


def measure(sizes: list[int], batch_size: int, repeats: int, budget: float) -> list[dict[str, Any]]:
    """Pairs and seconds of a batch of samples and of a train step, the sizes taking turns."""
    models = {size: ga.Autoregressive(instance(f"rrg-{size}"), ordering=ga.bfs, radius=RADIUS) for size in sizes}
    works = {}
    for size, model in models.items():
        work = tasks(model, batch_size)
        works |= {(size, name): work[name] for name in ("sample", "train")}
    seconds = interleaved(works, repeats, budget)
    return [
        {
            "spins": size,
            "pairs": model.frontier.num_pairs,
            "batch_size": batch_size,
            "sample": seconds[size, "sample"],
            "train": seconds[size, "train"],
        }
        for size, model in models.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """One row per size; times per pair and per spin are of one sample."""
    head = (
        f"{'spins':>8}{'pairs':>10}{'sample':>12}{'train':>12}{'sample/pair':>14}{'train/pair':>13}{'sample/spin':>14}"
    )
    lines = [head]
    for row in rows:
        sample, train = median(row["sample"]), median(row["train"])
        pair, spin = (1e9 / (row["batch_size"] * row[what]) for what in ("pairs", "spins"))
        lines.append(
            f"{row['spins']:>8}{row['pairs']:>10}{1e3 * sample:>9.1f} ms{1e3 * train:>9.1f} ms"
            f"{sample * pair:>11.4f} ns{train * pair:>10.4f} ns{sample * spin:>11.2f} ns"
        )
    return "\n".join(lines)


def growth(rows: list[dict[str, Any]], task: str) -> float:
    """Time per pair of the largest over that of the smallest."""
    smallest, largest = (median(row[task]) / row["pairs"] for row in (rows[0], rows[-1]))
    return largest / smallest


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """Time of a batch against pairs, both logarithmic, with a line of slope 1 through the first point."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    pairs = [row["pairs"] for row in rows]
    for task, label in (("sample", "sampling"), ("train", "train step")):
        seconds = [median(row[task]) for row in rows]
        (line,) = axes.loglog(pairs, seconds, "o-", label=label)
        axes.loglog(pairs, [seconds[0] * count / pairs[0] for count in pairs], ":", color=line.get_color())
    axes.set_xlabel("pairs")
    axes.set_ylabel(f"seconds, batch {rows[0]['batch_size']}")
    axes.set_title(f"random 3-regular graphs, radius {RADIUS} (dotted: ∝ pairs)", fontsize="medium")
    axes.legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--sizes", type=int, nargs="*", help="numbers of spins, rising")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--picture", type=Path, help="where to save the plot")
    options = parser.parse_args()
    sizes = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    rows = measure(sizes, options.batch_size, repeats=2 if options.quick else 5, budget=1 if options.quick else 10)
    print(table(rows))
    if options.picture:
        picture(rows, options.picture)
