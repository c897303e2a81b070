"""Free energies of a graph that nothing was trained on: messages alone, and messages with weights learned on others.

No step of training: each line is one batch of samples. log Z is by importance sampling, with its standard error; where
the effective sample size (ESS) is small the bound still holds and the estimate, marked with ?, does not count. The
spin-glass transition of these graphs, ±J with three neighbours each, is at beta = 0.881: below that temperature the
spread of log q + beta E grows, and messages that ignore loops break down.

python examples/message_passing/zero_shot.py            # 1024 spins, under a minute
python examples/message_passing/zero_shot.py --quick    # seconds
"""

import argparse
import time
import warnings
from pathlib import Path

import graphar as ga

TRANSITION = 0.881
Lines = dict[str, list[tuple[float, float]]]


def estimate(graph: ga.IsingGraph, heads: dict[str, ga.heads.Head], betas: list[float], samples: int) -> Lines:
    """Print a line for each beta and head; return ESS of each head against beta."""
    print(graph)
    print(f"{'beta':>6}  {'head':<24}{'bound on log Z':>22}{'log Z by sampling':>24}{'spread':>8}{'ESS':>8}{'s':>7}")
    ess: Lines = {name: [] for name in heads}
    for beta in betas:
        for name, head in heads.items():
            model = ga.Autoregressive(graph, head, ga.nested_dissection)
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a low ESS, which is printed
                f = ga.free_energy(model.at(beta), samples, seed=0)
            seconds = time.perf_counter() - start
            bound = ga.Estimate(-beta * f.bound.value, beta * f.bound.stderr)
            share = f.ess / samples
            ess[name].append((beta, share))
            log_z = f"{f.log_partition!r}{'' if f.ess > 10 else ' ?'}"
            print(
                f"{beta:6.2f}  {name:<24}{bound!r:>22}{log_z:>24}{f.spread:>8.2f}{share:>8.3f}{seconds:>7.2f}",
                flush=True,
            )
    return ess


def draw(ess: Lines, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    for name, line in ess.items():
        axes.plot(*zip(*line, strict=True), "o-", label=name)
    axes.axvline(TRANSITION, color="grey", linestyle=":", label="spin-glass transition")
    axes.set_xlabel("β")
    axes.set_ylabel("ESS / samples")
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph")
    parser.add_argument("--seed", type=int, default=1000, help="of the graph")
    parser.add_argument("--weights", default="random_regular_3_pm1", help="name or file of learned weights")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the effective sample size")
    options = parser.parse_args()

    graph = ga.random_regular(64 if options.quick else 1024, degree=3, couplings="pm1", seed=options.seed)
    heads = {
        "outward": ga.heads.MessagePassing(radius=10, refresh="outward"),
        "out and back": ga.heads.MessagePassing(radius=8, refresh="return"),
        "out and back, learned": ga.heads.MessagePassing(weights=options.weights),
    }
    if not options.quick:
        heads["full, 8 rounds"] = ga.heads.MessagePassing(refresh="full", rounds=8)
    ess = estimate(graph, heads, [0.5, 0.8, 1.0, 1.5, 2.0], 100 if options.quick else 256)
    if options.picture:
        draw(ess, options.picture)


if __name__ == "__main__":
    main()
