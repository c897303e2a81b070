"""Spin glasses of TwoBo's figure: F and E against β, by network and by order.

±J couplings on periodic 2D and 3D grids and on random 3-regular graphs, as in arXiv:2402.16579. TwoBo reads messages to
every later spin that has an earlier neighbour, in natural order. The networks after it read those that can matter, in
orders that leave few, or learn only the sites with wide separators, by linear conditionals or small networks. MADE
reads every earlier spin. Errors of F are against the best estimate. How weights grow with N: twobo_weights.py.

python examples/reproductions/twobo.py            # minutes: 16², 4³ and 256 spins, few steps
python examples/reproductions/twobo.py --full     # and 8³ and 1024 spins, the paper's protocol, a day
python examples/reproductions/twobo.py --quick    # seconds
"""

import argparse
from pathlib import Path

import numpy as np

import graphar as ga

NETWORKS: dict[str, tuple[type[ga.heads.Head], dict]] = {
    "TwoBo": (ga.heads.Linear, {"ordering": ga.natural, "frontier": "all"}),
    "rcm": (ga.heads.Linear, {"ordering": ga.rcm}),
    "nested dissection": (ga.heads.Linear, {"ordering": ga.nested_dissection}),
    "exact_width=10": (ga.heads.Linear, {"exact_width": 10}),
    "  and MLP": (ga.heads.MLP, {"exact_width": 10}),
    "MADE": (ga.heads.MADE, {}),
}


def instance(family: str, size: int) -> ga.IsingGraph:
    if family == "random regular":
        return ga.random_regular(size, degree=3, couplings="pm1", seed=0)
    return ga.grid((size,) * {"2D": 2, "3D": 3}[family], periodic=True, couplings="pm1", seed=0)


def per_site(result: ga.Comparison, name: str) -> np.ndarray:
    """Rows of β, F/N and E/N."""
    n, history = result.graph.num_spins, result.runs[name].history
    return np.array([(record.beta, record.bound / n, record.energy / n) for record in history]).T


def table(result: ga.Comparison) -> str:
    """F/N and E/N along the schedule, below the table at the last β."""
    shown = np.linspace(0, len(result.beta) - 1, 4).round().astype(int)[1:]
    head = "".join(f"{f'{quantity} at {result.beta[at]:.3g}':>13}" for quantity in ("F/N", "E/N") for at in shown)
    lines = [repr(result), f"{'':<18}{head}"]
    for name in result.runs:
        lines.append(f"{name:<18}" + "".join(f"{value:>13.5f}" for value in per_site(result, name)[1:, shown].flat))
    return "\n".join(lines) + "\n"


def draw(results: dict[str, ga.Comparison], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(3, len(results), figsize=(4 * len(results), 10), layout="constrained", sharex=True)
    for (free, energy, error), (title, result) in zip(panels.T, results.items(), strict=True):
        for name in result.runs:
            beta, *rows = per_site(result, name)
            free.plot(beta, rows[0], ".-", label=name)
            energy.plot(beta, rows[1], ".-")
        result.draw(error)
        free.set(title=title, ylabel="F / N")
        energy.set_ylabel("E / N")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(NETWORKS))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small graphs and few steps, to see it work")
    size.add_argument("--full", action="store_true", help="graphs and protocol of the paper")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the curves")
    options = parser.parse_args()

    graphs = [("2D", 16), ("3D", 4), ("random regular", 256)]
    settings = ga.protocols.twobo(0.2, beta=ga.linear(0.1, 3.0, 30), learning_rate=0.005)
    settings["evaluate_samples"] = 4096
    if options.full:
        graphs, settings = [*graphs, ("3D", 8), ("random regular", 1024)], ga.protocols.twobo()
    elif options.quick:
        graphs = [("2D", 4), ("3D", 3), ("random regular", 16)]
        settings = ga.protocols.twobo(0.1, beta=ga.linear(0.5, 3.0, 4), learning_rate=0.05, evaluate_samples=1024)
    results = {}
    for family, length in graphs:
        result = ga.compare(instance(family, length), NETWORKS, **settings)
        if result.interrupted:
            raise SystemExit(str(result))
        results[f"{family}, {result.graph.num_spins} spins"] = result
        print(table(result), flush=True)
    if options.picture:
        draw(results, options.picture)


if __name__ == "__main__":
    main()
