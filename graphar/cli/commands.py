"""What each command does."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphar import __version__, io, training
from graphar._support.checks import check_count, check_positive
from graphar._support.files import atomic_write
from graphar._support.processes import alone, joined
from graphar.elimination.cost import predict
from graphar.estimators import FreeEnergy, free_energy
from graphar.exact.automatic import cheapest_log_partition
from graphar.frontier import build_frontier
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.heads import Linear
from graphar.heads.registry import HEADS
from graphar.instances.sources import ORDERINGS, examine, open_graph, source_name
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering, min_degree
from graphar.training import Run

__all__ = ["anneal", "convert", "info", "sample"]

SETTINGS = "settings.json"
METRICS = "metrics.jsonl"
CHECKPOINT = "checkpoint.pt"
SUMMARY = "summary.json"
PICTURE = "run.png"
EXACT = {"memory": 1e8, "seconds": 1.0}  # that an exact log Z may take, to be put beside the estimate
MEMORY = 1e9  # bytes that tables may take at most
MEMORY_PER_SPIN = 2e4  # where --exact-width is auto: made in milliseconds for some hundred spins; more gains little
MEMORY_OF_ALL = 1e8  # where these suffice for all sites, which leaves nothing to learn
MAX_SPINS_SLOW_ORDERS = 20_000  # spins beyond which a table of all orders leaves out those that take minutes

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


def anneal(options: argparse.Namespace) -> int:
    """Train along the schedule; everything that matters is in the run folder at any time."""
    if (options.source is None) == (options.resume is None):
        raise ValueError("give either a source or --resume FOLDER")
    group = joined()
    if options.resume is None:
        settings, model = _start(options)
        folder = Path()
        if group.first:
            folder = _new_folder(source_name(options.source)) if options.out is None else _empty_folder(options.out)
            _write_json(folder / SETTINGS, settings)
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
            _write_metrics(folder, run)
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
        _write_metrics(folder, run)  # a process may have died after the last checkpoint and before its report
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
    summary = _summary(run, result, exact)
    _write_json(folder / SUMMARY, summary)
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
        _write_json(folder / SUMMARY, summary)
    print(f"lowest energy met: {run.best_energy:g}")
    print(f"{run.seconds:.1f} s of training; see {folder / PICTURE}, {folder / SUMMARY}")
    if run.interrupted:
        print(f"interrupted at step {run.step}; go on with: graphar anneal --resume {folder}", file=sys.stderr)
        return 130
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


def _new_folder(name: str) -> Path:
    """A numbered folder that no other process has."""
    for number in count(1):
        try:
            Path("runs", f"{name}-{number}").mkdir(parents=True)
        except FileExistsError:
            continue
        return Path("runs", f"{name}-{number}")
    raise AssertionError("unreachable")


def _empty_folder(folder: Path) -> Path:
    """A folder with nothing in it, or only with the settings of a run that failed before its first checkpoint."""
    if folder.exists() and not (folder.is_dir() and {entry.name for entry in folder.iterdir()} <= {SETTINGS}):
        raise ValueError(f"--out must be a new or empty folder, got {folder}; --resume goes on with a run")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def _write_metrics(folder: Path, run: Run) -> None:
    with atomic_write(folder / METRICS) as file:
        for record in run.history:
            file.write((json.dumps(asdict(record)) + "\n").encode())


def _exact(model: Autoregressive, result: FreeEnergy) -> dict[str, Any] | None:
    """The exact log Z, where it is cheap, and how far from it the estimate is."""
    if model.num_spins > MAX_SPINS_SLOW_ORDERS:
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


def _summary(run: Run, result: FreeEnergy | None, exact: dict[str, Any] | None) -> dict[str, Any]:
    final = None
    if result is not None:
        final = {name: value for name, value in asdict(result).items() if name != "best_spins"}
    return {
        "finished": result is not None,
        "steps": run.step,
        "seconds": round(run.seconds, 3),
        "best_energy": run.best_energy if run.history or run.step else None,
        "best_spins": "".join("+" if spin > 0 else "-" for spin in run.best_spins.tolist()),
        "final": final,
        "exact": exact,
    }
