"""The commands on graphs and models that make no run: ``graphar info``, ``sample``, ``convert``."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from graphar import io, training
from graphar._support.files import atomic_write
from graphar.cli.run_folder import CHECKPOINT
from graphar.frontier import build_frontier
from graphar.instances.sources import ORDERINGS, examine

__all__ = ["convert", "info", "sample"]

MAX_SPINS_SLOW_ORDERS = 20_000  # spins beyond which a table of all orders leaves out those that take minutes


def info(options: argparse.Namespace) -> int:
    """Print the graph, how its file was read, and the cost of one order or of all."""
    graph, remarks = examine(options.source, options.format, options.base)
    degree = graph.degree()
    print(graph, *remarks, sep="\n")
    if graph.labels is not None:
        some = ", ".join(label if isinstance(label, str) else repr(label) for label in graph.labels[:5])
        print(f"labels: {some}{', …' if graph.num_spins > 5 else ''}")
    print(f"degree: {int(degree.min())} to {int(degree.max())}, mean {float(degree.double().mean()):.3g}")
    if options.ordering == "all":
        names = [
            name for name in ORDERINGS if graph.num_spins <= MAX_SPINS_SLOW_ORDERS or name not in ("min_fill", "random")
        ]
        print(f"{'order':<20}{'width':>9}{'pairs':>14}{'parents':>14}{'levels':>9}")
    else:
        names = [options.ordering]
    frontiers = []
    for name in names:
        one = build_frontier(ORDERINGS[name](graph, options.seed), options.frontier, options.radius)
        frontiers.append(one)
        if options.ordering == "all":
            parents, levels = int(one.num_parents.sum()), int(one.levels().max()) + 1
            print(f"{name:<20}{one.width:>9,}{one.num_pairs:>14,}{parents:>14,}{levels:>9,}", flush=True)
        else:
            print(one.describe())
    if options.picture is not None:
        from graphar.plot import plot_frontier

        plot_frontier(frontiers[0]).savefig(options.picture, dpi=150)
        print(f"picture: {options.picture}")
    return 0


def sample(options: argparse.Namespace) -> int:
    """Draw samples and write them as arrays, in the sites' own order."""
    if options.out.suffix not in (".npy", ".npz"):
        raise ValueError(f"--out must end in .npy or .npz, got {options.out}")
    model = training.load(options.model / CHECKPOINT if options.model.is_dir() else options.model)
    beta = model.trained_beta if options.beta is None else options.beta
    if beta is None:
        raise ValueError("--beta must be given for a model that was never trained")
    q = model.at(beta)
    if beta != model.trained_beta:
        print(f"graphar sample: the model was trained at beta = {model.trained_beta}, not {beta:g}", file=sys.stderr)
    spins, log_q = q.sample_with_log_prob(options.num_samples, seed=options.seed)
    energy = q.graph.energy(spins)
    array = spins.to(torch.int8).numpy()
    with atomic_write(options.out) as file:
        if options.out.suffix == ".npy":
            np.save(file, array)
        else:
            numbers = {"log_q": log_q.numpy(), "energy": energy.numpy(), "beta": beta, "seed": options.seed}
            np.savez_compressed(file, spins=array, **numbers)
    ess = float(1 / (torch.softmax(-log_q - beta * energy, 0) ** 2).sum())
    print(f"{options.num_samples} samples at beta = {beta:g}, mean energy {float(energy.mean()):.6g}: {options.out}")
    print(f"effective sample size for the Boltzmann distribution: {ess:.1f}")
    return 0


def convert(options: argparse.Namespace) -> int:
    """Read and write."""
    graph, remarks = examine(options.source, options.format, options.base)
    io.write(graph, options.target, options.to)
    print(*remarks, f"{graph}: {options.target}", sep="\n")
    return 0
