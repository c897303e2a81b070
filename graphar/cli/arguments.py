"""Arguments of the commands, and what their help says.

Nothing of torch is imported before :func:`make_parser` is called: that takes seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["make_parser"]

EXAMPLES = """examples:
  graphar info grid:32x32,couplings=gaussian,seed=1 --ordering all
  graphar anneal datasets/rrg3_pm1_n256.edges
  graphar anneal --resume runs/rrg3_pm1_n256-1
  graphar free-energy datasets/rrg3_pm1_n1024.edges --beta 0.5 1 2 --time 60
  torchrun --nproc-per-node 4 -m graphar anneal datasets/rrg3_pm1_n1024.edges
  graphar sample runs/rrg3_pm1_n256-1 -n 1000 --out spins.npy
  graphar convert couplings.gset couplings.edges
  graphar check G1.gset partition.txt --as max-cut
  graphar solve G1.gset --time 60 --out partition.txt
  graphar sweep widths.toml --workers 2 --table widths.csv

exit codes: 0 done, 1 something unexpected, or tasks of a sweep failed, 2 bad arguments or input, 130 interrupted (what
was done is kept)
"""
EDGE_LISTS = """edge lists (.edges .edgelist .txt .csv .tsv .dat): cells separated by spaces, tabs, commas or
semicolons, with or without a row of names on top. Sites are numbered from 0 where a site 0 is listed, else
--base tells; words become labels, which edge lists and .npz keep and other formats leave out.
"""


def make_parser() -> argparse.ArgumentParser:
    """Arguments of all commands."""
    from graphar import __version__, io
    from graphar.cli import annealing, commands
    from graphar.heads.registry import HEADS
    from graphar.instances.sources import ORDERINGS

    parser = argparse.ArgumentParser(
        prog="graphar",
        description="Spins on graphs: free energies, samples and low energies by autoregressive networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"graphar {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    info = subparsers.add_parser("info", help="what a graph is, and what sampling it in an order costs")
    _add_source(info)
    info.add_argument("--ordering", choices=[*ORDERINGS, "all"], default="rcm")
    info.add_argument("--frontier", choices=["component", "all"], default="component")
    info.add_argument("--radius", type=int, help="largest distance of a frontier spin (default: any)")
    info.add_argument("--seed", type=int, default=0, help="of random orders (default: %(default)s)")
    info.add_argument("--picture", type=Path, help="draw graph, order and one frontier to this file")
    info.set_defaults(run=commands.info)

    anneal = subparsers.add_parser("anneal", help="train a model along a schedule of beta, into a run folder")
    _add_source(anneal, optional=True)
    # no defaults here: --resume refuses what it would ignore (annealing.DEFAULTS has them)
    told = {name: f"(default: {value})" for name, value in annealing.DEFAULTS.items()}
    told["beta"] = f"(default: {' '.join(annealing.DEFAULTS['beta'])})"
    anneal.add_argument("--beta", nargs=3, metavar=("START", "STOP", "NUM"), help=told["beta"])
    anneal.add_argument("--schedule", choices=["linear", "geometric"], help=told["schedule"])
    anneal.add_argument("--steps", type=int, help=f"at each beta {told['steps']}")
    anneal.add_argument("--warmup", type=int, help=f"extra steps at the first {told['warmup']}")
    anneal.add_argument("--batch-size", type=int, help=f"samples per step {told['batch_size']}")
    anneal.add_argument("--learning-rate", type=float, help="of Adam (default: the head's own)")
    anneal.add_argument("--clip-norm", type=float, help="largest norm of the gradient (default: not clipped)")
    averaging = f"whether records take the mean of late weights at each beta {told['average']}"
    anneal.add_argument("--average", action=argparse.BooleanOptionalAction, help=averaging)
    anneal.add_argument("--head", choices=HEADS, help="(default: linear; on its parents with exact sites)")
    anneal.add_argument("--ordering", choices=ORDERINGS, help="(default: core first, or the head's own)")
    anneal.add_argument("--frontier", choices=["component", "all"], help=told["frontier"])
    dial = f"sites to this width are exact, auto: as many as fit in memory {told['exact_width']}"
    anneal.add_argument("--exact-width", type=_width, metavar="WIDTH", help=dial)
    tables = f"bytes of their tables (default: {annealing.MEMORY:g}; where auto, {annealing.MEMORY_PER_SPIN:g} a spin, "
    tables += f"or {annealing.MEMORY_OF_ALL:g} where these make all sites exact)"
    anneal.add_argument("--memory", type=float, help=tables)
    anneal.add_argument("--radius", type=int, help="largest distance of a frontier spin (default: any)")
    anneal.add_argument("--seed", type=int, help=f"of weights and samples {told['seed']}")
    anneal.add_argument("--samples", type=int, help=f"for the last table {told['samples']}")
    anneal.add_argument("--out", type=Path, help="run folder (default: a new one in runs/)")
    anneal.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with an interrupted run, as it was begun")
    anneal.add_argument("--quiet", action="store_true", help="no progress bar, no table while it runs")
    checking = "whether a few seconds of tempering check log Z where no exact value is cheap (default: yes)"
    anneal.add_argument("--check", action=argparse.BooleanOptionalAction, default=True, help=checking)
    anneal.set_defaults(run=annealing.anneal)

    sample = subparsers.add_parser("sample", help="draw samples from a trained model")
    sample.add_argument("model", type=Path, help="a run folder or a model file")
    sample.add_argument("--beta", type=float, help="(default: the last that the model was trained at)")
    sample.add_argument("-n", "--num-samples", type=int, default=1000, help="(default: %(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    sample.add_argument("--out", type=Path, required=True, help=".npy (int8) or .npz (with log q, energies, seed)")
    sample.set_defaults(run=commands.sample)

    formats = "\n".join(f"  {entry.name:<18} {entry.convention}" for entry in io.FORMATS.values())
    convert = subparsers.add_parser(
        "convert",
        help="write a graph in another format",
        epilog=f"formats (chosen by suffix unless told):\n{formats}\n\n{EDGE_LISTS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source(convert)
    convert.add_argument("target", type=Path, help="file to write")
    convert.add_argument("--to", choices=io.FORMATS, metavar="FORMAT", help="format of the target")
    convert.set_defaults(run=commands.convert)

    _add_free_energy(subparsers)
    _add_check(subparsers)
    _add_solve(subparsers)
    _add_sweep(subparsers)
    return parser


def _add_sweep(subparsers: Any) -> None:
    from graphar.cli import sweeps

    sweep = subparsers.add_parser("sweep", help="a task with each of many settings, once, as a TOML file says")
    sweep.add_argument("file", type=Path, help="task, out, [settings]; see the guide's page Many instances")
    sweep.add_argument("--out", type=Path, help="folder of the sweep (default: the file's, or runs/ and its name)")
    sweep.add_argument("--workers", type=int, help="local processes (default: as many as the cores allow)")
    sweep.add_argument("--threads", type=int, help="of each task (default: 1)")
    told = "settings that the table averages over, the independent one first; none: a row a task (default: %(default)s)"
    sweep.add_argument("--over", nargs="*", default=["instance", "seed"], help=told)
    sweep.add_argument("--table", type=Path, metavar="FILE", help="write the table to this file, as CSV")
    sweep.add_argument("--quiet", action="store_true", help="no progress bar")
    sweep.set_defaults(run=sweeps.run_sweep)


def _add_free_energy(subparsers: Any) -> None:
    from graphar.cli import free_energies

    free = subparsers.add_parser("free-energy", help="log Z, F, energy and entropy by whichever methods fit the time")
    _add_source(free, optional=True)
    free.add_argument("--beta", nargs="+", type=float, help="inverse temperatures")
    free.add_argument("--time", type=float, default=60.0, help="seconds (default: %(default)g)")
    free.add_argument("--error", type=float, help="standard error of log Z that is enough (default: none is)")
    free.add_argument("--seed", type=int, help="(default: 0)")
    free.add_argument("--out", type=Path, help="run folder (default: a new one in runs/)")
    free.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with a run, for --time more seconds")
    free.add_argument("--quiet", action="store_true", help="no progress bar")
    free.set_defaults(run=free_energies.free_energy)


def _add_check(subparsers: Any) -> None:
    from graphar.cli import problems
    from graphar.problems.answer_files import FORMS

    check = subparsers.add_parser("check", help="objective, feasibility and energy of an answer to a problem in a file")
    check.add_argument("source", type=Path, help="a file of a graph, of couplings, of clauses or of numbers")
    check.add_argument(
        "answer", type=Path, help="+1/-1, 0/1 or colours in order, or names one a line, or a SAT solver's"
    )
    _add_kind(check)
    check.add_argument("--answer-form", choices=FORMS, help="what the answer holds, where it does not show it")
    check.add_argument("--repair", type=Path, metavar="FILE", help="write a feasible answer near it, as +1/-1 in order")
    _add_format(check)
    check.set_defaults(run=problems.check)


def _add_kind(parser: argparse.ArgumentParser) -> None:
    from graphar.cli import problems

    kinds = ", ".join(f"{name} for {', '.join(formats)}" for name, formats in problems.BY_FORMAT.items())
    told = f"what the file asks for (default: {kinds}; lowest-energy for others)"
    parser.add_argument("--as", dest="kind", choices=problems.KINDS, help=told)
    parser.add_argument("--colours", type=int, help="number of colours, for colouring")
    parser.add_argument("--sense", choices=["min", "max"], default="min", help="for qubo (default: %(default)s)")


def _add_solve(subparsers: Any) -> None:
    from graphar.cli import problems

    solve = subparsers.add_parser("solve", help="the best answer to a problem in a file that a time allows")
    solve.add_argument("source", help="a file of a graph, of couplings, of clauses or of numbers, or a builder")
    _add_kind(solve)
    solve.add_argument("--time", type=float, default=60.0, help="seconds (default: %(default)g)")
    solve.add_argument("--target", type=float, help="an objective that is enough")
    solve.add_argument("--steps", type=int, help="rounds of the search (default: as many as there is time for)")
    solve.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    solve.add_argument("--initial", type=Path, help="an answer to begin with, as check reads it")
    solve.add_argument("--out", type=Path, help="file of the best answer, written at each improvement")
    solve.add_argument("--quiet", action="store_true", help="no progress bar")
    _add_format(solve)
    solve.set_defaults(run=problems.solve)


def _width(text: str) -> int | str:
    return text if text == "auto" else int(text)


def _add_source(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    from graphar.instances.sources import BUILDERS

    about = "a file of couplings, or a builder: " + ", ".join(f"{name}:…" for name in BUILDERS)
    parser.add_argument("source", nargs="?" if optional else None, help=about)
    _add_format(parser)


def _add_format(parser: argparse.ArgumentParser) -> None:
    from graphar import io

    parser.add_argument("--format", choices=io.FORMATS, metavar="FORMAT", help="of the file; by its suffix otherwise")
    parser.add_argument("--base", type=int, choices=[0, 1], help="first site of an edge list that does not show it")
