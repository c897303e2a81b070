"""Sherrington–Kirkpatrick, N = 20 and 100: F and P(q) of networks in the form of k-step RSB, and of dense ones.

The spin glass of arXiv:2302.08347, annealed from β = 0.5 to 3; means over instances. Errors of F are against
enumeration up to 24 spins, then the best estimate; N → ∞ is by 2-RSB. P(q) is of pairs of samples at the last β.

python examples/reproductions/sherrington_kirkpatrick.py              # some twenty minutes: ten instances of N = 20
python examples/reproductions/sherrington_kirkpatrick.py --full       # and of N = 100, the paper's protocol, days
python examples/reproductions/sherrington_kirkpatrick.py --quick      # seconds
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import graphar as ga

HEADS: dict = {"MADE": ga.heads.MADE, "single layer": ga.heads.SingleLayer}
HEADS |= {f"{k}-RSB": ga.heads.SherringtonKirkpatrick(k) for k in (0, 1, 2)}
Found = tuple[list[ga.Comparison], dict[str, list[np.ndarray]]]  # of each instance; its overlaps, by name


def run(n: int, instances: int, settings: dict, pairs: int = 20_000) -> Found:
    """Every architecture and, where there can be one, the exact network on every instance, and overlaps."""
    heads = HEADS | ({"exact": ga.heads.Exact} if n <= 20 else {})
    results: list[ga.Comparison] = []
    overlaps: dict[str, list[np.ndarray]] = {name: [] for name in heads}
    for seed in tqdm(range(instances), desc=f"N = {n}", unit="instance"):
        result = ga.compare(ga.sherrington_kirkpatrick(n, seed=seed), heads, seed=seed, **settings)
        for name, model in result.models.items():
            x, y = model.at(result.beta[-1]).sample(2 * pairs, seed=seed).double().split(pairs)
            overlaps[name].append((x * y).mean(1).numpy())
        results.append(result)
        if result.interrupted:
            raise SystemExit(str(result))
    return results, overlaps


def mean(values: list) -> tuple[np.ndarray, np.ndarray]:
    """Over instances, and its standard error."""
    return np.mean(values, 0), np.std(values, 0, ddof=1) / np.sqrt(len(values))


def table(n: int, results: list[ga.Comparison], overlaps: dict[str, list[np.ndarray]]) -> str:
    betas = np.array(results[0].beta)
    shown = [int(np.abs(betas - beta).argmin()) for beta in (1.0, 2.0, 3.0)]
    head = "".join(f"{f'error at {betas[at]:g}':>18}" for at in shown) + f"{f'F/N at {betas[-1]:g}':>20}{'⟨q²⟩':>20}"
    lines = [f"N = {n}, {len(results)} instances, error relative to {results[0].reference}", f"{'weights':>21}{head}"]
    for name, drawn in overlaps.items():
        error, stderr = mean([result.errors(name)[0] for result in results])
        errors = "".join(f"{f'{error[at]:.1e} ± {stderr[at]:.0e}':>18}" for at in shown)
        bounds = [result.runs[name].history[-1].bound / n for result in results]
        averages = (f"{m:>11.4f} ± {s:.4f}" for m, s in (mean(bounds), mean([(q**2).mean() for q in drawn])))
        lines.append(f"{name:<13}{results[0].models[name].num_parameters:>8}{errors}{''.join(averages)}")
    limit = ga.exact.sherrington_kirkpatrick_limit(betas[-1], rsb=2)
    square = 1 + 2 * limit.energy_per_site / betas[-1]  # E/N = −(β/2)(1 − ⟨q²⟩)
    return "\n".join([*lines, f"{'N → ∞':<75}{limit.free_energy_per_site:>11.4f}{square:>20.4f}\n"])


def draw(found: dict[int, Found], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(len(found), 2, figsize=(11, 4.5 * len(found)), layout="constrained", squeeze=False)
    for (left, right), (n, (results, overlaps)) in zip(panels, found.items(), strict=True):
        for name, q in overlaps.items():
            if name in HEADS:
                left.errorbar(results[0].beta, *mean([result.errors(name)[0] for result in results]), fmt=".-")
            right.hist(np.concatenate(q), np.arange(-n - 1, n + 2, 2) / n, density=True, histtype="step", label=name)
        left.set(xlabel="inverse temperature β", ylabel="relative error of F", yscale="log", title=f"N = {n}")
        right.set(xlabel="overlap q", ylabel=f"P(q) at β = {results[0].beta[-1]:g}", title=f"{len(results)} instances")
        right.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two instances of ten spins, to see it work")
    parser.add_argument("--full", action="store_true", help="N = 20 and 100 by the protocol of the paper")
    parser.add_argument("--spins", type=int, nargs="+", help="sizes N")
    parser.add_argument("--learning-rate", type=float, help="of Adam, instead of the 0.001 of the paper")
    parser.add_argument("--picture", type=Path, help="where to save a picture of errors and overlaps")
    options = parser.parse_args()

    sizes, instances, betas = [20], 10, ga.linear(0.5, 3.0, 26)
    settings = ga.protocols.arnn(0.1, batch_size=500, beta=betas)
    if options.full:
        sizes, settings = [20, 100], ga.protocols.arnn(beta=betas)
    elif options.quick:
        sizes, instances, settings = [10], 2, ga.protocols.arnn(0.02, beta=betas[5::10], learning_rate=0.02)
    settings["learning_rate"] = options.learning_rate or settings["learning_rate"]
    found = {n: run(n, instances, settings) for n in options.spins or sizes}
    print(*(table(n, *result) for n, result in found.items()), sep="\n")
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()
