"""Steps at each β of an annealing: error of F on an open 24×24 ±J grid, after 4, 8, … 1024 of them.

The study of TwoBo, arXiv:2402.16579, on a grid that is planar, so that F is known exactly: by the Kac–Ward determinant.
Beside its network, one that learns only the sites whose separators are wide.

python examples/reproductions/steps_per_beta.py            # minutes: up to 256 steps of 256 samples
python examples/reproductions/steps_per_beta.py --full     # up to 1024 steps of 1024 samples, hours
python examples/reproductions/steps_per_beta.py --quick    # seconds
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import graphar as ga

HEADS = {
    "TwoBo": (ga.heads.Linear, {"ordering": ga.natural, "frontier": "all"}),
    "exact_width=10": (ga.heads.Linear, {"exact_width": 10}),
}
BETAS = (1.0, 2.0, 3.0)  # of the table
Results = dict[int, ga.Comparison]  # by steps at each β


def errors_at(results: Results, name: str, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors of F and their standard errors, by the number of steps, at the nearest β."""
    at = int(np.abs(np.array(next(iter(results.values())).beta) - beta).argmin())
    errors, stderrs = zip(*(result.errors(name) for result in results.values()), strict=True)
    return np.array(errors)[:, at], np.array(stderrs)[:, at]


def table(results: Results) -> str:
    lines = []
    for name in HEADS:
        weights = next(iter(results.values())).models[name].num_parameters
        lines += ["", f"{name}, {weights} weights: relative error of F"]
        lines += [f"{'steps':>6}{'seconds':>9}" + "".join(f"{f'beta = {beta:g}':>20}" for beta in BETAS)]
        columns = [errors_at(results, name, beta) for beta in BETAS]
        for row, (steps, result) in enumerate(results.items()):
            cells = (f"{f'{errors[row]:.1e} ± {stderrs[row]:.0e}':>20}" for errors, stderrs in columns)
            lines.append(f"{steps:>6}{result.runs[name].seconds:>9.1f}" + "".join(cells))
    return "\n".join(lines)


def draw(results: Results, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(HEADS) + 1, figsize=(14, 4.5), layout="constrained", sharey=True)
    for axes, name in zip(panels, HEADS, strict=False):
        for steps, result in results.items():
            axes.plot(result.beta, np.abs(result.errors(name)[0]), label=f"{steps} steps")
        axes.set(title=name, xlabel="inverse temperature β", yscale="log")
    for name, line in zip(HEADS, ("o-", "s--"), strict=True):
        for color, beta in enumerate(BETAS):
            errors, stderrs = errors_at(results, name, beta)
            label = f"{name}, β = {beta:g}"
            panels[-1].errorbar(list(results), np.abs(errors), stderrs, fmt=line, color=f"C{color}", label=label)
    panels[-1].set(xlabel="steps at each β")
    panels[-1].set_xscale("log", base=2)
    panels[0].set_ylabel("relative error of F")
    panels[0].legend()
    panels[-1].legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a small grid and few steps, to see it work")
    size.add_argument("--full", action="store_true", help="steps and samples of the paper")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the errors")
    options = parser.parse_args()

    length, counts = 24, [4 << k for k in range(9 if options.full else 7)]
    changes: dict = {} if options.full else {"batch_size": 256, "evaluate_samples": 4096}
    if options.quick:
        length, counts = 12, [4, 8]
        changes |= {"warmup": 20, "beta": ga.linear(1.0, 3.0, 3), "learning_rate": 0.05}
    graph = ga.grid((length, length), couplings="pm1", seed=0)
    betas = ga.protocols.twobo(**changes)["beta"]
    exact = [ga.exact.planar(graph, beta).log_partition for beta in tqdm(betas, desc="exact", unit="β")]
    results = {}
    for steps in counts:
        results[steps] = ga.compare(graph, HEADS, reference=exact, **ga.protocols.twobo(steps=steps, **changes))
        if results[steps].interrupted:
            raise SystemExit(str(results[steps]))
    print(graph, table(results), sep="\n")
    if options.picture:
        draw(results, options.picture)


if __name__ == "__main__":
    main()
