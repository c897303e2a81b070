"""The dial from a network that learns every conditional to one that knows them all, after equal training.

Sites with separators of at most `exact_width` spins are summed out exactly, the network learns the others. The error
is that of the variational bound on log Z, in nats, against elimination, which is still feasible here.

python examples/exact_width.py            # about two minutes
python examples/exact_width.py --quick    # seconds
"""

import argparse
import warnings
from pathlib import Path

import graphar as ga

BETA = 2.0
HEAD = f"{'exact_width':>12}{'learned':>9}{'weights':>9}{'levels':>8}{'s/step':>9}{'ESS':>8}   error of log Z"
Dial = list[tuple[int, float]]  # exact_width, and the error there


def turn_the_dial(graph: ga.IsingGraph, quick: bool) -> Dial:
    """Train and print a line for every second width up to the first that leaves nothing to learn."""
    num, steps, batch_size, samples = (5, 20, 128, 500) if quick else (30, 60, 512, 10_000)
    exact = ga.exact.eliminate(graph, BETA)
    log_z = exact.log_partition.item()
    print(f"{graph}, beta = {BETA:g}\nlog Z = {log_z:.6f} by {exact}\n{HEAD}")
    dial: Dial = []
    learned = graph.num_spins
    while learned:
        width = 2 * len(dial)
        model = ga.Autoregressive(graph, head=ga.heads.Linear, exact_width=width)
        learned = levels = 0
        seconds = 0.0
        if model.head is not None:
            learned, levels = model.frontier.num_spins, int(model.frontier.levels(model.head.reads).max()) + 1
            schedule = ga.linear(0.1, BETA, num)
            options = {"steps": steps, "warmup": steps, "batch_size": batch_size, "learning_rate": 0.01}
            run = ga.anneal(model, schedule, **options, average=False, progress=False)
            seconds = run.seconds / run.step
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a low ESS, which is printed
            result = ga.free_energy(model.at(BETA), samples, seed=1)
        error = ga.Estimate(log_z + BETA * result.bound.value, BETA * result.bound.stderr)
        dial.append((width, error.value))
        share = 100 * result.ess / samples
        cells = f"{width:>12}{learned:>9}{model.num_parameters:>9}{levels:>8}{seconds:>9.4f}{share:>6.1f} %"
        print(f"{cells}   {error.value:.1e} ± {error.stderr:.1e}", flush=True)
    print()
    return dial


def draw(dials: dict[str, Dial], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    for name, dial in dials.items():
        widths, errors = zip(*dial[:-1], strict=True)  # the last has no error, nor a logarithm of it
        axes.semilogy(widths, errors, "o-", label=f"{name}, exact at {dial[-1][0]}")
    axes.set_xlabel("exact_width")
    axes.set_ylabel("error of log Z (nats)")
    figure.legend(loc="outside upper center")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small graphs and a short schedule")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the errors")
    options = parser.parse_args()

    size, spins = (6, 24) if options.quick else (12, 64)
    graphs = {
        f"{size}×{size} grid": ga.grid((size, size), couplings="pm1", seed=0),
        f"random regular, {spins} spins": ga.random_regular(spins, degree=3, couplings="pm1", seed=0),
    }
    dials = {name: turn_the_dial(graph, options.quick) for name, graph in graphs.items()}
    if options.picture:
        draw(dials, options.picture)


if __name__ == "__main__":
    main()
