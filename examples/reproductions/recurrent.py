"""Ground states found by recurrent networks, beside a linear head and the dial, after equal time.

Edwards–Anderson glasses on open L×L grids with couplings uniform in [−1, 1], whose ground states are known exactly, and
Sherrington–Kirkpatrick glasses, where the lowest energy that any of the heads met stands for it. Each head anneals
every instance once, from β = 0.1 to 4, with as many steps at each β as the seconds allow. A run succeeds when it meets
the ground state to a part in 1e6 (EA) or in 1e3 (SK). The gap is that of the last bound of F, median over instances.

python examples/reproductions/recurrent.py                        # 10×10, 25 instances, a second each: four minutes
python examples/reproductions/recurrent.py --size 20 --seconds 3  # 20×20, ten minutes
python examples/reproductions/recurrent.py --sk 100 --seconds 2   # SK, 100 spins, six minutes
python examples/reproductions/recurrent.py --quick                # seconds
"""

import argparse
import time
import warnings

import torch

import graphar as ga
from graphar.heads import Linear, Recurrent

NUM_BETA = 30


def heads(hidden: int, lattice: bool) -> dict:
    """Head, order and options of a model, by name."""
    chain = ga.zigzag if lattice else ga.natural
    found = {
        "linear": (Linear, None, {}),
        "linear, width 6": (Linear("parents"), None, {"exact_width": 6}),
        "chain, tensor": (Recurrent("chain", "tensor", hidden), chain, {}),
        "chain, GRU": (Recurrent("chain", "gru", hidden), chain, {}),
        "dilated, vanilla": (Recurrent("dilated", "vanilla", hidden), chain, {}),
        "graph, tensor": (Recurrent("graph", "tensor", hidden), None, {}),
        "graph, vanilla": (Recurrent("graph", "vanilla", hidden), None, {}),
        "graph, tensor, shared": (Recurrent("graph", "tensor", hidden, shared=True, couplings=True), None, {}),
    }
    if not lattice:
        del found["linear, width 6"]  # dense graphs have no narrow sites
        return found
    return found | {
        "grid, tensor": (Recurrent("grid", "tensor", hidden), ga.zigzag, {}),
        "grid, GRU": (Recurrent("grid", "gru", hidden), ga.zigzag, {}),
        "grid, tensor, width 6": (Recurrent("grid", "tensor", hidden), None, {"exact_width": 6}),
    }


def annealed(model: ga.Autoregressive, seconds: float, batch_size: int, seed: int) -> ga.Run:
    """A run of about so many seconds; what it takes is tried on a few steps first."""
    settings = {"warmup": 0, "batch_size": batch_size, "seed": seed, "progress": False}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    ga.anneal(model, 0.1, 1, **settings)
    started = time.perf_counter()
    ga.anneal(model, 0.1, 4, **settings)
    one = (time.perf_counter() - started) / 5  # the record takes about as long as a step
    model.load_state_dict(state)
    steps = max(1, round(seconds / one / NUM_BETA) - 1)
    return ga.anneal(model, ga.linear(0.1, 4.0, NUM_BETA), steps, **settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10, help="L of the grids")
    parser.add_argument("--sk", type=int, help="spins of SK instances, instead of grids")
    parser.add_argument("--instances", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each run")
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--quick", action="store_true", help="two 4×4 grids, a tenth of a second each, to see it work")
    options = parser.parse_args()
    if options.quick:
        options.size, options.instances, options.seconds, options.hidden = 4, 2, 0.1, 4
    warnings.simplefilter("ignore", UserWarning)  # of bounds above an energy met: the gap says it
    make = {"couplings": "uniform"} if options.sk is None else {}
    energies, bounds, seconds = {}, {}, {}
    for seed in range(options.instances):
        size = (options.size, options.size)
        graph = ga.sherrington_kirkpatrick(options.sk, seed=seed) if options.sk else ga.grid(size, **make, seed=seed)
        for name, (head, order, more) in heads(options.hidden, not options.sk).items():
            model = ga.Autoregressive(graph, head, order, seed=seed, **more)
            started = time.perf_counter()
            run = annealed(model, options.seconds, options.batch_size, seed)
            seconds[name] = seconds.get(name, 0.0) + (time.perf_counter() - started) / options.instances
            energies.setdefault(name, []).append(run.best_energy)
            bounds.setdefault(name, []).append(run.history[-1].bound)
        if not options.sk:
            energies.setdefault("exact", []).append(float(ga.exact.ground_state(graph).energy))
    lowest = torch.tensor(list(energies.values())).min(0).values
    best = torch.tensor(list(bounds.values())).min(0).values
    print(f"{'head':<24}{'ground states':>15}{'gap of F':>12}{'seconds':>10}")
    for name, bound in bounds.items():
        met = torch.tensor(energies[name]) <= lowest + (1e-3 if options.sk else 1e-6) * lowest.abs()
        gap = float((torch.tensor(bound) - best).median())
        print(f"{name:<24}{int(met.sum()):>9} of {len(met)}{gap:>12.3f}{seconds[name]:>10.2f}")


if __name__ == "__main__":
    main()
