"""Landscapes and lost modes of the Newman–Moore model, whose ground states GF(2) counts: 4 on 3×3, 16 on 6×6.

After arXiv:2204.11272: the objective around the weights before and after warm-up, half-way and at the end, and what is
found of the ground states by a hasty annealing and by remedies. None by ± symmetry: triangles tell x from −x.

python examples/newman_moore.py            # some minutes
python examples/newman_moore.py --quick    # seconds
"""

import argparse
import copy
import warnings
from pathlib import Path
from statistics import mean

import graphar as ga

BETA = 4.0
HASTY = {"steps": 4, "batch_size": 32, "learning_rate": 0.03, "average": False}
NETWORK, LINEAR = ga.heads.MLP(hidden=8, inputs="parents"), ga.heads.Linear("parents")
REMEDIES = {  # head, exact_width, and changes of the annealing
    "hasty": (NETWORK, 0, {}),
    "slower, ×8": (NETWORK, 0, {"steps": 32}),
    "larger batch, ×8": (NETWORK, 0, {"batch_size": 256}),
    "both": (NETWORK, 0, {"steps": 32, "batch_size": 256}),
    "mean of weights": (NETWORK, 0, {"average": True}),
    "dial at 8": (NETWORK, 8, {}),
    "linear": (LINEAR, 0, {}),
    "natural gradient": (LINEAR, 0, {}),
}


def annealed(graph: ga.SpinHypergraph, name: str, stages: int, seed: int) -> ga.Autoregressive:
    head, width, changes = REMEDIES[name]
    model = ga.Autoregressive(graph, head, exact_width=width, seed=seed)
    if name == "natural gradient":
        changes = {"optimizer": lambda weights: ga.NaturalGradient(weights, model)}
    ga.anneal(model, ga.linear(0.2, BETA, stages), warmup=20, seed=seed, progress=False, **{**HASTY, **changes})
    return model


def remedies(length: int, stages: int, seeds: int) -> None:
    """A line for each remedy: means over seeds of what the report of lost modes says."""
    graph = ga.newman_moore(length)
    exact = ga.exact.parities(graph)
    print(f"{length}×{length}: {exact.degeneracy} ground states of energy {exact.ground_energy:g}, β = {BETA:g}")
    print(f"{'':>18}{'found':>8}{'lost':>8}{'effective':>11}{'weight':>9}{'E - E0':>9}{'gap, nats':>11}")
    for name in REMEDIES:
        reports = [ga.lost_modes(annealed(graph, name, stages, seed).at(BETA), 2000) for seed in range(seeds)]
        cells = f"{mean(each.num_found for each in reports):>8.1f}{mean(each.num_lost for each in reports):>8.1f}"
        cells += f"{mean(each.num_effective for each in reports):>11.2f}"
        cells += f"{mean(each.ground_weight.value for each in reports):>9.3f}"
        cells += f"{mean(each.energy.value - each.ground_energy for each in reports):>9.2f}"
        if reports[0].bound is not None:
            cells += f"{mean(each.bound.gap.value for each in reports):>11.3f}"
        print(f"{name:>18}{cells}", flush=True)


def snapshots(length: int, stages: int) -> dict[str, ga.Distribution]:
    """One model on its way, each time at the β that it is trained at."""
    model, betas, found = ga.Autoregressive(ga.newman_moore(length), NETWORK), ga.linear(0.2, BETA, stages), {}
    found["before"] = copy.deepcopy(model).at(betas[0])
    ga.anneal(model, betas[0], warmup=20, **{**HASTY, "steps": 1}, progress=False)
    found["warmed up"] = copy.deepcopy(model).at(betas[0])
    for name, part in (("half-way", betas[: stages // 2]), ("at the end", betas[stages // 2 :])):
        ga.anneal(model, part, warmup=0, **HASTY, progress=False)
        found[name] = copy.deepcopy(model).at(part[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short schedules, one seed")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the landscapes")
    options = parser.parse_args()

    warnings.filterwarnings("ignore", "at beta = .* the bound")  # of hasty trainings, which is what is compared
    lengths, stages, seeds, num = ((3,), 4, 1, 5) if options.quick else ((3, 4, 6, 16), 10, 10, 21)
    for length in lengths:
        remedies(length, stages, seeds if length < 10 else 3)
    planes = {}
    for name, q in snapshots(3, stages).items():
        planes[name] = ga.landscape(q, num, progress=False)
        top = ga.hessian_eigenvalues(q, 1, progress=False).values[0]
        low = ga.hessian_eigenvalues(q, 1, which="smallest", progress=False).values[0]
        print(f"{name:>12}: β = {q.beta:.3g}, eigenvalues from {low:.3g} to {top:.3g}, {planes[name]}")
    if options.picture:
        import matplotlib.pyplot as plt

        figure, panels = plt.subplots(1, 4, figsize=(19, 4), layout="constrained")
        for axes, (name, plane) in zip(panels, planes.items(), strict=True):
            plane.draw(axes)
            axes.set_title(f"{name}: {axes.get_title()}", fontsize=9)
        figure.savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
