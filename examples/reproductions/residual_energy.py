"""Residual energy against annealing steps: variational annealing with the dial beside simulated annealing.

Edwards–Anderson glasses on open L×L grids with couplings uniform in [−1, 1], ground energies by matching, or
Sherrington–Kirkpatrick glasses (``--sk``), where the lowest energy met by tempering or by either method stands for it.
Residual energy: mean of ⟨E⟩ over all samples of the last temperature, less the ground energy, per site, averaged over
instances (arXiv:2101.10154). A step is one sweep of simulated annealing, or one optimiser step.

python examples/reproductions/residual_energy.py --picture residual.png           # 10×10, four minutes
python examples/reproductions/residual_energy.py --size 40 --steps 30 100 300     # ten minutes
"""

import argparse
import time
import warnings

import torch

import graphar as ga

HOT, COLD, NUM_BETA = 0.2, 20.0, 30


def variational(graph: ga.IsingGraph, steps: int, seed: int, width: int) -> tuple[float, float]:
    """Mean and lowest energy after so many optimiser steps."""
    model = ga.Autoregressive(graph, exact_width=width, seed=seed)
    betas = ga.geometric(HOT, COLD, min(NUM_BETA, steps))
    each = max(1, steps // len(betas))
    run = ga.anneal(model, betas, each, warmup=0, batch_size=256, seed=seed, progress=False)
    return run.history[-1].energy, run.best_energy


def simulated(graph: ga.IsingGraph, steps: int, seed: int) -> tuple[float, float]:
    """Mean and lowest energy of 256 replicas after so many sweeps."""
    result = ga.montecarlo.simulated_annealing(
        graph, ga.geometric(HOT, COLD, 50), steps, 256, seed=seed, progress=False
    )
    return float(result.energy.mean()), result.best_energy


def draw(path: str, found: dict[str, list[tuple[int, float]]], name: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for label, points in found.items():
        axes.loglog(*zip(*points, strict=True), "o-", label=label)
    axes.set(xlabel="annealing steps", ylabel="residual energy per site", title=name)
    axes.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10, help="L of the grids")
    parser.add_argument("--sk", type=int, help="spins of SK instances, instead of grids")
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--width", type=int, default=10, help="of the dial, on grids")
    parser.add_argument("--steps", type=int, nargs="+", default=[30, 100, 300, 1000, 3000])
    parser.add_argument("--picture", help="file to draw to")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.size, options.instances, options.steps, options.width = 4, 2, [10, 30], 2
    warnings.simplefilter("ignore", UserWarning)  # of bounds above an energy met, which a hasty run has
    graphs, lowest = [], []
    for seed in range(options.instances):
        if options.sk:
            graph = ga.sherrington_kirkpatrick(options.sk, seed=seed)
            ladder = ga.geometric(0.3, 5.0, 16)
            ground = ga.montecarlo.parallel_tempering(graph, ladder, 5000, seed=seed, progress=False).best_energy
        else:
            graph = ga.grid((options.size,) * 2, couplings="uniform", seed=seed)
            ground = ga.exact.ground_state(graph).energy
        graphs.append(graph)
        lowest.append(ground)
    methods = {
        "variational annealing": lambda *one: variational(*one, 0 if options.sk else options.width),
        "simulated annealing": simulated,
    }
    found: dict[str, list] = {name: [] for name in methods}
    print(f"{'method':<24}{'steps':>8}{'residual per site':>20}{'ground states':>16}{'seconds each':>15}")
    for name, method in methods.items():
        for steps in options.steps:
            started = time.perf_counter()
            got = torch.tensor([method(graph, steps, seed) for seed, graph in enumerate(graphs)])
            seconds = (time.perf_counter() - started) / len(graphs)
            ground = torch.tensor(lowest)
            residual = float((got[:, 0] - ground).mean()) / graphs[0].num_spins
            met = got[:, 1] <= ground + 1e-5 * ground.abs()
            found[name].append((steps, max(residual, 1e-7)))
            print(f"{name:<24}{steps:>8}{residual:>20.2e}{int(met.sum()):>10} of {len(met)}{seconds:>15.2f}")
    if options.picture:
        draw(options.picture, found, f"SK, N = {options.sk}" if options.sk else f"EA {options.size}×{options.size}")


if __name__ == "__main__":
    main()
