"""From weights for every graph to a model of one: fine-tuning against training from scratch, step by step.

From scratch, a linear head is annealed from high temperature, 60 values of beta times the steps at each. Messages hold
at every beta: linear corrections on top of them take a short anneal of ten values, a fifth of the steps and less.

python examples/message_passing/fine_tuning.py            # 256 spins, a few minutes
python examples/message_passing/fine_tuning.py --quick    # seconds
"""

import argparse
from pathlib import Path

import graphar as ga

Curve = list[tuple[int, float, float]]  # steps, bound on beta F and its standard error


def from_scratch(graph: ga.IsingGraph, beta: float, num: int, steps: int, batch_size: int, samples: int) -> Curve:
    """The last point of an annealed linear head."""
    model = ga.Autoregressive(graph, ga.heads.Linear)
    options = {"batch_size": batch_size, "learning_rate": 3e-3, "evaluate_samples": samples}
    run = ga.anneal(model, ga.linear(0.05, beta, num), steps, warmup=0, **options)
    last = run.history[-1]
    return [(run.step, beta * last.bound, beta * last.bound_stderr)]


def fine_tuned(
    graph: ga.IsingGraph, head: ga.heads.Head, beta: float, steps: int, batch_size: int, samples: int
) -> Curve:
    """Without a step, and after a hundredth, a twentieth and a fifth of so many, in a short anneal each."""
    untrained = ga.free_energy(ga.Autoregressive(graph, head, ga.nested_dissection).at(beta), samples, seed=0).bound
    curve = [(0, beta * untrained.value, beta * untrained.stderr)]
    options = {"batch_size": batch_size, "evaluate_samples": samples, "learning_rate": 5e-3}
    for share in (100, 20, 5):
        schedule = ga.linear(0.4 * beta, beta, 10)
        _, run = ga.fine_tune(graph, head, beta=schedule, steps=max(1, steps // share // 10), **options)
        last = run.history[-1]
        curve.append((run.step, beta * last.bound, beta * last.bound_stderr))
    return curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph and few steps")
    parser.add_argument("--spins", type=int, default=256)
    parser.add_argument("--betas", type=float, nargs="+", default=[1.0, 1.5, 2.0])
    parser.add_argument("--weights", default="random_regular_3_pm1", help="name or file of learned weights")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the curves")
    options = parser.parse_args()

    spins, num, steps, batch_size, samples = (options.spins, 60, 200, 256, 2000)
    if options.quick:
        spins, num, steps, batch_size, samples = (32, 4, 10, 64, 200)
    graph = ga.random_regular(spins, degree=3, couplings="pm1", seed=1000)
    heads = {
        "messages": ga.heads.MessagePassing(radius=8, refresh="return"),
        "learned messages": ga.heads.MessagePassing(weights=options.weights),
    }
    curves: dict[tuple[float, str], Curve] = {}
    for beta in options.betas:
        curves[beta, "from scratch"] = from_scratch(graph, beta, num, steps, batch_size, samples)
        for name, head in heads.items():
            curves[beta, name] = fine_tuned(graph, head, beta, num * steps, batch_size, samples)
        for name in ("from scratch", *heads):
            points = "  ".join(f"{at}: {ga.Estimate(*rest)!r}" for at, *rest in curves[beta, name])
            print(f"beta {beta:g}  {name:<18}{points}", flush=True)
    if options.picture:
        import matplotlib.pyplot as plt

        figure, panels = plt.subplots(1, len(options.betas), figsize=(4 * len(options.betas), 3.5), squeeze=False)
        for axes, beta in zip(panels[0], options.betas, strict=True):
            for name in heads:
                at, bound, error = zip(*curves[beta, name], strict=True)
                axes.errorbar(at, bound, error, fmt="o-", label=name)
            axes.axhline(curves[beta, "from scratch"][0][1], color="grey", label="linear, from scratch, 5 × the steps")
            axes.set(title=f"β = {beta:g}", xlabel="steps", ylabel="bound on βF")
        panels[0][-1].legend()
        figure.tight_layout()
        figure.savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
