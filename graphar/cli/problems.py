"""What ``graphar check`` and ``graphar solve`` do: problems from files, and what answers to them are worth."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphar import problems
from graphar._support.files import atomic_write
from graphar.instances.sources import is_builder, open_graph
from graphar.io.registry import resolve
from graphar.problems import Problem
from graphar.problems.written import answer_text
from graphar.solvers.solve import solve as find

__all__ = ["BY_FORMAT", "KINDS", "check", "solve"]

KINDS: dict[str, Callable[..., Problem[Any]]] = {
    "max-cut": problems.MaxCut.from_file,
    "qubo": problems.QUBO.from_file,
    "independent-set": problems.IndependentSet.from_file,
    "vertex-cover": problems.VertexCover.from_file,
    "colouring": problems.Colouring.from_file,
    "number-partitioning": problems.NumberPartitioning.from_file,
    "max-sat": problems.MaxSat.from_file,
    "xorsat": problems.XorSat.from_file,
    "lowest-energy": problems.LowestEnergy.from_file,
}
BY_FORMAT = {"max-cut": ("gset", "mc", "dimacs"), "qubo": ("bq", "biqmac", "qplib"), "max-sat": ("cnf",)}
WITHOUT_FORMAT = ("number-partitioning", "max-sat")  # files of one kind alone


def check(options: argparse.Namespace) -> int:
    """Print what an answer is worth; exit code 0 whether it is feasible or not, as the line ``feasible`` says it."""
    problem = _problem(options)
    answer = problem.read_answer(options.answer, options.answer_form)
    print(problem, problem.check(answer), sep="\n")
    if options.repair is not None:
        repaired = problem.repair(answer)
        with atomic_write(options.repair) as file:
            file.write(answer_text(problem, repaired).encode())
        print(f"repaired: {options.repair}", problem.check(repaired), sep="\n")
    return 0


def solve(options: argparse.Namespace) -> int:
    """Print the best answer found and what is known of it; the file ``--out`` holds the best so far at any time."""
    if options.kind is None and is_builder(options.source):
        problem: Problem[Any] = problems.LowestEnergy(open_graph(options.source, options.format, options.base))
    else:
        options.source = Path(options.source)
        problem = _problem(options)
    initial = None if options.initial is None else problem.read_answer(options.initial)
    print(problem)
    found = find(
        problem,
        options.time,
        options.target,
        options.seed,
        initial,
        steps=options.steps,
        out=options.out,
        progress=not options.quiet,
    )
    print(found.check)
    proof = "proven best" if found.optimal else f"no better than {found.objective_bound:.12g}"
    print(f"bound: {proof} (by {found.bound_method.replace('_', ' ')})")
    print(f"found by {found.method} after {found.time_to_best:.2f} s of {found.seconds:.2f} s; ended by {found.reason}")
    if options.out is not None:
        print(f"written: {options.out}")
    return 130 if found.reason == "interrupted" else 0


def _problem(options: argparse.Namespace) -> Problem[Any]:
    """The problem that a file asks for, or that the options say."""
    kind = options.kind or _kind_of(options)
    if (options.colours is not None) != (kind == "colouring"):
        raise ValueError(
            f"--colours must be given for colouring, and for nothing else, got {options.colours} for {kind}"
        )
    if options.sense != "min" and kind != "qubo":
        raise ValueError(f"--sense must be left out unless --as is qubo, got {options.sense} for {kind}")
    if kind in WITHOUT_FORMAT:
        if options.base is not None or options.format not in (None, "cnf" if kind == "max-sat" else None):
            raise ValueError(f"--format and --base must be left out for {kind}, whose files have one format")
        return KINDS[kind](options.source)
    told: dict[str, Any] = {} if options.base is None else {"base": options.base}
    if kind == "colouring":
        told["num_colours"] = options.colours
    if kind == "qubo":
        told["sense"] = options.sense
    return KINDS[kind](options.source, format=options.format, **told)


def _kind_of(options: argparse.Namespace) -> str:
    _, entry = resolve(options.source, options.format)
    return next((kind for kind, formats in BY_FORMAT.items() if entry.name in formats), "lowest-energy")
