"""What each command does."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphar import __version__, io, training
from graphar._files import atomic_write
from graphar.autoregressive import Autoregressive
from graphar.cli.sources import HEADS, ORDERINGS, open_graph, source_name
from graphar.estimators import Estimate, FreeEnergy, free_energy
from graphar.frontier import build_frontier
from graphar.training import Run

__all__ = ["anneal", "convert", "info", "sample"]

SETTINGS = "settings.json"
METRICS = "metrics.jsonl"
CHECKPOINT = "checkpoint.pt"
SUMMARY = "summary.json"
PICTURE = "run.png"


def info(options: argparse.Namespace) -> int:
    """Print the graph, and the cost of one order or of all."""
    graph = open_graph(options.source, options.format, options.base)
    degree = graph.degree()
    print(graph)
    print(f"degree: {int(degree.min())} to {int(degree.max())}, mean {float(degree.double().mean()):.3g}")
    names = list(ORDERINGS) if options.ordering == "all" else [options.ordering]
    frontiers = [build_frontier(ORDERINGS[name](graph, options.seed), options.frontier) for name in names]
    if len(frontiers) == 1:
        print(frontiers[0].describe())
    else:
        print(f"{'order':<20}{'width':>9}{'pairs':>14}{'parents':>14}{'levels':>9}")
        for name, one in zip(names, frontiers, strict=True):
            parents, levels = int(one.num_parents.sum()), int(one.levels().max()) + 1
            print(f"{name:<20}{one.width:>9,}{one.num_pairs:>14,}{parents:>14,}{levels:>9,}")
    if options.picture is not None:
        from graphar.plot import plot_frontier

        plot_frontier(frontiers[0]).savefig(options.picture, dpi=150)
        print(f"picture: {options.picture}")
    return 0


def anneal(options: argparse.Namespace) -> int:
    """Train along the schedule; everything that matters is in the run folder at any time."""
    if (options.source is None) == (options.resume is None):
        raise ValueError("give either a source or --resume FOLDER")
    if options.resume is None:
        settings, model = _start(options)
        folder = options.out or _new_folder(source_name(options.source))
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(f"--out must be a new or empty folder, got {folder}; --resume goes on with a run")
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / SETTINGS, settings)
    else:
        folder = options.resume
        settings, model = _reopen(folder)
    print(f"{settings['source']}: {model.graph}")
    print(f"{settings['head']} head, {settings['ordering']} order: {model.num_parameters:,} weights, ", end="")
    print(f"{model.kernel.num_levels} levels; run folder {folder}")
    sys.stdout.flush()

    def report(run: Run) -> None:
        _write_metrics(folder, run)
        if not options.quiet:
            from tqdm.auto import tqdm

            tqdm.write(run.history[-1].row() if len(run.history) > 1 else run.table())
            sys.stdout.flush()  # a row when its beta is done, also into a file

    run = training.anneal(
        model,
        settings["schedule"],
        settings["steps"],
        warmup=settings["warmup"],
        batch_size=settings["batch_size"],
        seed=settings["seed"],
        learning_rate=settings["learning_rate"],
        clip_norm=settings["clip_norm"],
        callbacks=[report],
        checkpoint=folder / CHECKPOINT,
        resume=None if options.resume is None else folder / CHECKPOINT,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    result = None
    if not run.interrupted:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = free_energy(model.at(settings["schedule"][-1]), settings["samples"], seed=settings["seed"] + 1)
        for warning in caught:
            print(f"graphar anneal: {warning.message}", file=sys.stderr)
        run.saw(result.best_energy, result.best_spins)
    _write_json(folder / SUMMARY, _summary(run, result))
    if run.history:
        from graphar.plot import plot_run

        with atomic_write(folder / PICTURE) as file:
            plot_run(run, model.num_spins).savefig(file, dpi=150, format="png")
    print()
    if result is not None:
        print(result)
    print(f"lowest energy met: {run.best_energy:g}")
    print(f"{run.seconds:.1f} s of training; see {folder / PICTURE}, {folder / SUMMARY}")
    if run.interrupted:
        print(f"interrupted at step {run.step}; go on with: graphar anneal --resume {folder}", file=sys.stderr)
        return 130
    return 0


def sample(options: argparse.Namespace) -> int:
    """Draw samples and write them as arrays, in the sites' own order."""
    path = options.model / CHECKPOINT if options.model.is_dir() else options.model
    q = training.load(path).at(options.beta)
    if options.out.suffix not in (".npy", ".npz"):
        raise ValueError(f"--out must end in .npy or .npz, got {options.out}")
    spins, log_q = q.sample_with_log_prob(options.num_samples, seed=options.seed)
    array = spins.to(torch.int8).numpy()
    energy = q.graph.energy(spins)
    with atomic_write(options.out) as file:
        if options.out.suffix == ".npy":
            np.save(file, array)
        else:
            np.savez_compressed(file, spins=array, log_q=log_q.numpy(), energy=energy.numpy(), beta=options.beta)
    mean = Estimate(float(energy.mean()), float(energy.std()) / max(1, len(energy)) ** 0.5)
    print(f"{options.num_samples} samples at beta = {options.beta:g}, energy {mean!r}: {options.out}")
    return 0


def convert(options: argparse.Namespace) -> int:
    """Read and write."""
    graph = open_graph(options.source, options.format, options.base)
    io.write(graph, options.target, options.to)
    print(f"{graph}: {options.target}")
    return 0


def _start(options: argparse.Namespace) -> tuple[dict[str, Any], Autoregressive]:
    graph = open_graph(options.source, options.format, options.base)
    try:
        start, stop, num = float(options.beta[0]), float(options.beta[1]), int(options.beta[2])
    except ValueError as error:
        raise ValueError(f"--beta must be two numbers and a count, got {' '.join(options.beta)}") from error
    schedule = training.geometric if options.schedule == "geometric" else training.linear
    names = ("source", "head", "ordering", "frontier", "steps", "warmup", "batch_size", "learning_rate")
    settings = {name: getattr(options, name) for name in (*names, "clip_norm", "seed", "samples")}
    settings |= {"schedule": list(schedule(start, stop, num)), "graphar": __version__, "torch": torch.__version__}
    order = ORDERINGS[options.ordering](graph, options.seed)
    model = Autoregressive(graph, HEADS[options.head], order, options.frontier, seed=options.seed)
    return settings, model


def _reopen(folder: Path) -> tuple[dict[str, Any], Autoregressive]:
    if not (folder / CHECKPOINT).exists():
        raise ValueError(f"--resume needs {folder / CHECKPOINT}, and there is none; start again with the source")
    settings = json.loads((folder / SETTINGS).read_text())
    return settings, training.load(folder / CHECKPOINT)


def _new_folder(name: str) -> Path:
    number = 1
    while Path("runs", f"{name}-{number}").exists():
        number += 1
    return Path("runs", f"{name}-{number}")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def _write_metrics(folder: Path, run: Run) -> None:
    with atomic_write(folder / METRICS) as file:
        for record in run.history:
            file.write((json.dumps(asdict(record)) + "\n").encode())


def _summary(run: Run, result: FreeEnergy | None) -> dict[str, Any]:
    final = None
    if result is not None:
        final = {name: value for name, value in asdict(result).items() if name != "best_spins"}
    return {
        "finished": result is not None,
        "steps": run.step,
        "seconds": round(run.seconds, 3),
        "best_energy": run.best_energy,
        "best_spins": "".join("+" if spin > 0 else "-" for spin in run.best_spins.tolist()),
        "final": final,
    }
