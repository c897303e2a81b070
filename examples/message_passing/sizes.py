"""Weights learned on small graphs, on graphs of up to 64 times their size: free energy, effective samples, time.

Trains the shared weights on random regular graphs of 64 spins, or takes ready ones, and measures them on unseen graphs
of 64 to 4096: the bound on log Z per spin that they gain over belief propagation without weights, means over instances
with standard errors, and the time for a batch, which grows in proportion to the number of spins.

python examples/message_passing/sizes.py            # some minutes, of which most are training
python examples/message_passing/sizes.py --quick    # seconds
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

import graphar as ga


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few steps and small graphs")
    parser.add_argument("--weights", help="name or file of learned weights, instead of training")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the gains")
    options = parser.parse_args()

    steps, samples, instances = (4, 64, 2) if options.quick else (200, 256, 4)
    sizes = (16, 32) if options.quick else (64, 256, 1024, 4096)
    plain = ga.heads.MessagePassing(radius=8, refresh="return")
    kind = {"degree": 3, "couplings": "pm1", "seed": 0}
    if options.weights:
        learned = ga.heads.MessagePassing(radius=8, refresh="return", weights=options.weights)
    else:
        train = ga.InstanceDataset("random_regular", sizes=sizes[0], num_graphs=32, **kind)
        held_out = ga.InstanceDataset("random_regular", sizes=sizes[0], num_graphs=8, split="validation", **kind)
        start = ga.heads.MessagePassing(radius=8, refresh="return", hidden=16)
        result = ga.pretrain(train, start, validation=held_out, steps=steps, learning_rate=3e-3, evaluate_every=20)
        print(result)
        learned = result.head

    print(
        f"{'N':>6}{'beta':>6}{'gain in log Z per spin':>26}{'ESS / samples, plain':>22}{'learned':>9}{'s a batch':>11}"
    )
    gains: dict[float, list[tuple[int, float, float]]] = {}
    for size in sizes:
        test = ga.InstanceDataset("random_regular", sizes=size, num_graphs=instances, split="test", **kind)
        for beta in (0.5, 1.0, 1.5, 2.0):
            difference, share = [], np.zeros(2)
            for graph in test:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of a low ESS, which is printed
                    models = [ga.Autoregressive(graph, head, ga.nested_dissection) for head in (plain, learned)]
                    begin = time.perf_counter()
                    found = [ga.free_energy(model.at(beta), samples, seed=0) for model in models]
                    seconds = (time.perf_counter() - begin) / 2
                difference.append(beta * (found[0].bound.value - found[1].bound.value) / size)
                share += [f.ess / samples / instances for f in found]
            gain = ga.Estimate(float(np.mean(difference)), float(np.std(difference, ddof=1) / instances**0.5))
            gains.setdefault(beta, []).append((size, gain.value, gain.stderr))
            print(f"{size:>6}{beta:>6.1f}{gain!r:>26}{share[0]:>22.3f}{share[1]:>9.3f}{seconds:>11.2f}", flush=True)
    if options.picture:
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
        for beta, line in gains.items():
            at, gain_of, error = zip(*line, strict=True)
            axes.errorbar(at, gain_of, error, fmt="o-", label=f"β = {beta:g}")
        axes.axhline(0, color="grey", linewidth=0.5)
        axes.set(xscale="log", xlabel="N", ylabel="gain in bound on log Z per spin")
        axes.legend()
        figure.savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
