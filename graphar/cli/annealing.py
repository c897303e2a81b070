"""``graphar anneal``: settings, run folder, training, and what is said of the model at the end."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from graphar import __version__, training
from graphar._support.checks import check_count, check_positive
from graphar._support.files import atomic_write
from graphar._support.processes import alone, joined
from graphar.cli.run_folder import (
    CHECKPOINT,
    PICTURE,
    SETTINGS,
    SUMMARY,
    empty_folder,
    new_folder,
    summary_of,
    write_json,
    write_metrics,
)
from graphar.elimination.cost import predict
from graphar.estimators import FreeEnergy, free_energy
from graphar.exact.automatic import cheapest_log_partition
from graphar.frontier import build_frontier
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.heads import Linear
from graphar.heads.registry import HEADS
from graphar.instances.sources import ORDERINGS, open_graph, source_name
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering, min_degree
from graphar.training import Run

__all__ = ["DEFAULTS", "MEMORY", "MEMORY_OF_ALL", "MEMORY_PER_SPIN", "anneal"]

EXACT = {"memory": 1e8, "seconds": 1.0}  # that an exact log Z may take, to be put beside the estimate
MAX_SPINS_EXACT = 20_000  # spins beyond which none is looked for
MEMORY = 1e9  # bytes that tables may take at most
MEMORY_PER_SPIN = 2e4  # where --exact-width is auto: made in milliseconds for some hundred spins; more gains little
MEMORY_OF_ALL = 1e8  # where these suffice for all sites, which leaves nothing to learn

DEFAULTS: dict[str, Any] = {
    "head": None,
    "ordering": None,
    "frontier": "component",
    "radius": None,
    "exact_width": "auto",
    "memory": None,
    "beta": ["0.05", "3", "60"],
    "schedule": "linear",
    "steps": 200,
    "warmup": 500,
    "batch_size": 512,
    "learning_rate": None,
    "clip_norm": None,
    "average": True,
    "seed": 0,
    "samples": 10_000,
}


def anneal(options: argparse.Namespace) -> int:
    """Train along the schedule; everything that matters is in the run folder at any time."""
    if (options.source is None) == (options.resume is None):
        raise ValueError("give either a source or --resume FOLDER")
    group = joined()
    if options.resume is None:
        settings, model = _start(options)
        folder = Path()
        if group.first:
            folder = new_folder(source_name(options.source)) if options.out is None else empty_folder(options.out)
            write_json(folder / SETTINGS, settings)
        folder = Path(group.text_of_first(str(folder)))
    else:
        ignored = [name for name in (*DEFAULTS, "out") if getattr(options, name) is not None]
        if ignored:
            raise ValueError(f"--resume goes on with a run as it was begun, got also {', '.join(ignored)}")
        folder = options.resume
        settings, model = _reopen(folder)
    print(f"{settings['source']}: {model.graph}")
    print(model.describe(settings["batch_size"]))
    print(f"run folder {folder}\n", flush=True)
    headed = False

    def report(run: Run) -> None:
        nonlocal headed
        if group.first:
            write_metrics(folder, run)
        if not options.quiet and group.first:
            from tqdm.auto import tqdm

            tqdm.write(run.history[-1].row() if headed else run.table())
            sys.stdout.flush()  # a row when its beta is done, also into a file
            headed = True

    run = training.anneal(
        model,
        **_training(settings),
        callbacks=[report],
        checkpoint=folder / CHECKPOINT,
        resume=None if options.resume is None else folder / CHECKPOINT,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    if group.first:
        write_metrics(folder, run)  # a process may have died after the last checkpoint and before its report
    result = exact = None
    if not run.interrupted:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = free_energy(model.at(settings["schedule"][-1]), settings["samples"], seed=settings["seed"])
        for warning in caught if group.first else ():
            print(f"graphar anneal: {warning.message}", file=sys.stderr)
        run.update_best(result.best_energy, result.best_spins)
    if not group.first:
        return 130 if run.interrupted else 0
    if result is not None:
        exact = _exact(model, result)
    summary = summary_of(run, result, exact)
    write_json(folder / SUMMARY, summary)
    if run.history:
        from graphar.plot import plot_run

        with atomic_write(folder / PICTURE) as file:
            plot_run(run, model.num_spins).savefig(file, dpi=150, format="png")
    print()
    if result is not None:
        print(result)
    if exact is not None:
        off = "equal to it up to rounding"
        if abs(exact["difference"]) > 1e-6 * abs(exact["log_partition"]):
            errors = exact["standard_errors"]
            off = f"{exact['difference']:+.2g} from it, {'∞' if errors is None else f'{errors:.1f}'} standard errors"
        print(f"{exact['method']}: {exact['log_partition']:.10g}; importance sampling is {off}")
    if options.check and result is not None and exact is None and not result.exact:
        from graphar.cli.free_energies import check_of_run

        with alone():
            summary["check"] = check_of_run(model, result.beta, result.log_partition, settings["seed"])
        write_json(folder / SUMMARY, summary)
    print(f"lowest energy met: {run.best_energy:g}")
    print(f"{run.seconds:.1f} s of training; see {folder / PICTURE}, {folder / SUMMARY}")
    if run.interrupted:
        print(f"interrupted at step {run.step}; go on with: graphar anneal --resume {folder}", file=sys.stderr)
        return 130
    return 0


def _start(options: argparse.Namespace) -> tuple[dict[str, Any], Autoregressive]:
    """Everything is checked here, before a folder is made or a step is done."""
    given = {name: getattr(options, name) for name in DEFAULTS if getattr(options, name) is not None}
    settings = DEFAULTS | given
    beta = settings.pop("beta")
    try:
        start, stop, num = float(beta[0]), float(beta[1]), int(beta[2])
    except ValueError as error:
        raise ValueError(f"--beta must be two numbers and a count, got {' '.join(beta)}") from error
    schedule = training.geometric if settings["schedule"] == "geometric" else training.linear
    settings["schedule"] = list(schedule(start, stop, num))
    check_count(settings["samples"], "samples", 2)
    training.check_settings(**_training(settings), evaluate_samples=None)
    graph = check_hamiltonian(open_graph(options.source, options.format, options.base), "source")
    settings |= {"source": options.source, "graphar": __version__, "torch": torch.__version__}
    if settings["head"] == "exact" and options.exact_width is None:  # nothing is left to choose
        settings["exact_width"] = 0
    order = None if settings["ordering"] is None else ORDERINGS[settings["ordering"]](graph, settings["seed"])
    if settings["memory"] is None:
        settings["memory"] = _memory(order or min_degree(graph)) if settings["exact_width"] == "auto" else MEMORY
    model = Autoregressive(
        graph,
        Linear if settings["head"] is None else HEADS[settings["head"]],
        order,
        settings["frontier"],
        radius=settings["radius"],
        exact_width=settings["exact_width"],
        memory=settings["memory"],
        seed=settings["seed"],
    )
    return settings, model


def _memory(order: Ordering) -> float:
    """Bytes for the tables of exact sites where none are given and as many sites as fit are to be exact."""
    if predict(build_frontier(order))[0] <= MEMORY_OF_ALL:
        return MEMORY_OF_ALL
    return min(MEMORY, MEMORY_PER_SPIN * len(order))


def _training(settings: dict[str, Any]) -> dict[str, Any]:
    names = ("steps", "warmup", "batch_size", "seed", "learning_rate", "clip_norm", "average")
    return {"beta": settings["schedule"], **{name: settings[name] for name in names}}


def _reopen(folder: Path) -> tuple[dict[str, Any], Autoregressive]:
    if not (folder / CHECKPOINT).exists():
        raise ValueError(f"--resume needs {folder / CHECKPOINT}, and there is none; start again with the source")
    try:
        settings = json.loads((folder / SETTINGS).read_text())
        missing = [name for name in (*DEFAULTS, "source") if name not in settings and name != "beta"]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        check_positive(settings["memory"], "memory")
        check_count(settings["samples"], "samples", 2)
        training.check_settings(**_training(settings), evaluate_samples=None)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{folder / SETTINGS}: not the settings of a run ({error})") from error
    return settings, training.load(folder / CHECKPOINT, memory=settings["memory"])


def _exact(model: Autoregressive, result: FreeEnergy) -> dict[str, Any] | None:
    """The exact log Z, where it is cheap, and how far from it the estimate is."""
    if model.num_spins > MAX_SPINS_EXACT:
        return None
    found = cheapest_log_partition(model.graph, [result.beta], **EXACT)
    if found is None:
        return None
    value, estimate = float(found[0][0]), result.log_partition
    difference = estimate.value - value
    return {
        "log_partition": value,
        "method": found[1],
        "difference": difference,
        "standard_errors": abs(difference) / estimate.stderr if estimate.stderr > 0 else None,
    }
