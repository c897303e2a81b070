"""Curie–Weiss, N = 20 … 200: relative error of F against β for each architecture of the ARNN paper.

The model of arXiv:2302.08347 on which its networks are derived: CurieWeiss has the couplings for weights and nothing to
learn, CurieWeissInfinite is its limit, the others learn from nothing. A single layer is MADE of one layer. Errors of F
are against the sum over the N + 1 magnetisations; those of N → ∞ are what the mean-field solution errs by.

python examples/reproductions/curie_weiss.py            # ten minutes: N up to 100, a tenth of the steps
python examples/reproductions/curie_weiss.py --full     # the paper's protocol, hours
python examples/reproductions/curie_weiss.py --quick    # seconds
"""

import argparse
from pathlib import Path

import numpy as np

import graphar as ga

HEADS = {
    "CurieWeiss": ga.heads.CurieWeiss,
    "CurieWeissInfinite": ga.heads.CurieWeissInfinite,
    "  with gains": ga.heads.CurieWeissInfinite("gain"),
    "one parameter": ga.heads.OneParameter,
    "single layer": ga.heads.SingleLayer,
    "MADE, 2 layers": ga.heads.MADE(depth=2, width=1),
    "MADE, 2 layers of 2": ga.heads.MADE(depth=2, width=2),
}


def errors_of_the_limit(num_spins: int, betas: tuple[float, ...]) -> np.ndarray:
    """Relative error of N f, with f the free energy per site for N → ∞."""
    limit = np.array([num_spins * ga.exact.curie_weiss_limit(beta).log_partition_per_site for beta in betas])
    exact = np.array([ga.exact.curie_weiss(num_spins, beta).log_partition for beta in betas])
    return np.abs(1 - limit / exact)


def largest_errors(results: dict[int, ga.Comparison]) -> str:
    """A line for each architecture, a column for each N."""
    lines = ["largest relative error of F over all beta", f"{'N':<24}" + "".join(f"{n:>10}" for n in results)]
    for name in HEADS:
        largest = (np.abs(result.errors(name)[0]).max() for result in results.values())
        lines.append(f"{name:<24}" + "".join(f"{error:>10.1e}" for error in largest))
    limit = (errors_of_the_limit(n, result.beta).max() for n, result in results.items())
    return "\n".join([*lines, f"{'N → ∞':<24}" + "".join(f"{error:>10.1e}" for error in limit)])


def draw(results: dict[int, ga.Comparison], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(4 + 4 * len(results), 4.5), sharey=True, squeeze=False)
    for axes, (n, result) in zip(panels[0], results.items(), strict=True):
        result.draw(axes)
        axes.plot(result.beta, errors_of_the_limit(n, result.beta), "k--", label="N → ∞")
        axes.set_title(f"N = {n}")
        axes.label_outer()
    figure.set_layout_engine("constrained")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="12 spins and a handful of steps, to see it work")
    size.add_argument("--full", action="store_true", help="sizes and protocol of the paper")
    parser.add_argument("--spins", type=int, nargs="+", help="sizes N, instead of 20, 50 and 100")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the errors")
    options = parser.parse_args()

    if options.full:
        sizes, settings = [20, 50, 100, 200], ga.protocols.arnn()
    elif options.quick:
        sizes, settings = [12], ga.protocols.arnn(0.01, beta=ga.linear(0.5, 2.0, 4), learning_rate=0.05)
    else:
        sizes, settings = [20, 50, 100], ga.protocols.arnn(0.1, batch_size=500, learning_rate=0.003)
        settings["evaluate_samples"] = 20_000
    results = {}
    for n in options.spins or sizes:
        results[n] = ga.compare(ga.curie_weiss(n), HEADS, **settings)
        print(f"{results[n]}\n", flush=True)
        if results[n].interrupted:
            return
    print(largest_errors(results))
    if options.picture:
        draw(results, options.picture)


if __name__ == "__main__":
    main()
