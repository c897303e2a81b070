"""What ``graphar free-energy`` does: log Z at some β by the front door, in a run folder; and the check of a run."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graphar import __version__
from graphar._support.checks import check_beta, check_positive
from graphar._support.files import atomic_write
from graphar._support.processes import joined
from graphar._support.seeds import check_seed
from graphar.cli.run_folder import SETTINGS, SUMMARY, new_folder, write_json
from graphar.estimators import Estimate
from graphar.free_energies import LogPartition, log_partition
from graphar.free_energies.check import check
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.instances.sources import open_graph, source_name
from graphar.models.autoregressive import Autoregressive

__all__ = ["check_of_run", "free_energy"]

CHECKPOINT, PICTURE = "tempering.pt", "free_energy.png"
ASKED = ("source", "format", "base", "beta", "seed", "error")
CHECK_SECONDS = 3.0


def free_energy(options: argparse.Namespace) -> int:
    """Everything that is found is in the folder, also after Ctrl-C; of several processes, the first writes it."""
    limit, group = check_positive(options.time, "--time"), joined()
    settings = _settings_of(options) if options.resume is None else _reopen(options)
    graph = check_hamiltonian(open_graph(settings["source"], settings["format"], settings["base"]), "source")
    folder = Path(group.text_of_first(str(_folder(options) if group.first else "")))
    going_on = options.resume is not None and (folder / CHECKPOINT).exists()
    if options.resume is None and group.first:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SETTINGS, settings)
    print(f"{settings['source']}: {graph}\nrun folder {folder}\n", flush=True)
    found = log_partition(
        graph,
        settings["beta"],
        limit,
        settings["seed"],
        error=settings["error"],
        checkpoint=folder / CHECKPOINT,
        resume=folder / CHECKPOINT if going_on else None,
        progress=not options.quiet and sys.stderr.isatty(),
    )
    if not group.first:
        return 130 if found[0].interrupted else 0
    write_json(folder / SUMMARY, {"finished": not found[0].interrupted, "beta": [_numbers(each) for each in found]})
    from graphar.plot import plot_log_partition

    with atomic_write(folder / PICTURE) as file:
        plot_log_partition(found).savefig(file, dpi=150, format="png")
    print(*found, sep="\n")
    print(f"{found[0].seconds:.1f} s; see {folder / PICTURE}, {folder / SUMMARY}")
    if found[0].interrupted:
        print(f"interrupted; go on with: graphar free-energy --resume {folder}", file=sys.stderr)
        return 130
    return 0


def check_of_run(model: Autoregressive, beta: float, own: Estimate, seed: int) -> dict[str, Any] | None:
    """What a short tempering, which knows nothing of a trained model, says of its log Z; in words and numbers."""
    try:
        found = check(model.at(beta), CHECK_SECONDS, seed)
    except ValueError as error:
        print(f"no check by tempering: {error}")
        return None
    if found is None:
        return None
    joined = found.joined
    print(f"\ncheck by {CHECK_SECONDS:g} s of tempering ({found.remark}):")
    print(f"  log Z, tempering alone      {found.tempering!r}")
    print(f"  log Z, joined to the model  {joined.log_partition!r}, which covers {100 * joined.coverage:.3g} % of it")
    apart = abs(own.value - found.tempering.value) / max((own.stderr**2 + found.tempering.stderr**2) ** 0.5, 1e-300)
    verdict = "agree" if apart < 3 else "DISAGREE: trust neither, anneal more slowly and see --time of free-energy"
    print(f"  importance sampling and tempering {verdict}, {apart:.1f} standard errors apart")
    return {
        "tempering": asdict(found.tempering),
        "joined": asdict(joined.log_partition),
        "coverage": joined.coverage,
        "standard_errors": apart,
    }


def _settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Checked, as the graph is too, before a folder is made."""
    if options.source is None or not options.beta:
        raise ValueError("give a source and --beta, or --resume FOLDER")
    settings = {name: getattr(options, name) for name in ASKED}
    settings["seed"] = check_seed(0 if options.seed is None else options.seed)
    settings["beta"] = [check_beta(beta) for beta in options.beta]
    if options.error is not None:
        check_positive(options.error, "--error")
    return settings | {"graphar": __version__}


def _folder(options: argparse.Namespace) -> Path:
    if options.resume is not None:
        return Path(options.resume)
    if options.out is not None:
        if options.out.exists() and not (options.out.is_dir() and not any(options.out.iterdir())):
            raise ValueError(f"--out must be a new or empty folder, got {options.out}; --resume goes on with a run")
        return Path(options.out)
    return new_folder(source_name(options.source))


def _reopen(options: argparse.Namespace) -> dict[str, Any]:
    ignored = [name for name in (*ASKED, "out") if getattr(options, name) is not None]
    if ignored:
        raise ValueError(f"--resume goes on with a run as it was begun, got also {', '.join(ignored)}")
    path = options.resume / SETTINGS
    try:
        settings = json.loads(path.read_text())
        if not isinstance(settings["source"], str):
            raise ValueError(f"source must be a string, got {settings['source']!r}")
        settings["beta"] = [check_beta(beta) for beta in settings["beta"]]
        check_seed(settings["seed"])
        _ = [settings[name] for name in ASKED]
    except FileNotFoundError as error:
        raise ValueError(f"--resume needs {path}, and there is none") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path}: not the settings of a run ({error})") from error
    return settings


def _numbers(found: LogPartition) -> dict[str, Any]:
    numbers = asdict(found)
    numbers["free_energy"] = asdict(found.free_energy) if found.beta else None
    return numbers
