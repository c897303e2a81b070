"""What ``graphar check`` does: a problem from a file, an answer from another, and what the answer is worth."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from graphar import problems
from graphar._support.files import atomic_write
from graphar.io.registry import resolve
from graphar.problems import Problem

__all__ = ["BY_FORMAT", "KINDS", "check"]

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
        problem = KINDS[kind](options.source)
    else:
        told: dict[str, Any] = {} if options.base is None else {"base": options.base}
        if kind == "colouring":
            told["num_colours"] = options.colours
        if kind == "qubo":
            told["sense"] = options.sense
        problem = KINDS[kind](options.source, format=options.format, **told)
    answer = problem.read_answer(options.answer, options.answer_form)
    print(problem, problem.check(answer), sep="\n")
    if options.repair is not None:
        repaired = problem.repair(answer)
        with atomic_write(options.repair) as file:
            file.write(_written(problem, repaired).encode())
        print(f"repaired: {options.repair}", problem.check(repaired), sep="\n")
    return 0


def _kind_of(options: argparse.Namespace) -> str:
    _, entry = resolve(options.source, options.format)
    return next((kind for kind, formats in BY_FORMAT.items() if entry.name in formats), "lowest-energy")


def _written(problem: Problem[Any], answer: Any) -> str:
    """Lines that :meth:`graphar.problems.Problem.read_answer` reads back."""
    if isinstance(problem, problems.Colouring):
        return "".join(f"{colour}\n" for colour in answer.values())
    count = problem.num_values
    return "".join("+1\n" if spin > 0 else "-1\n" for spin in problem.encode(answer)[:count].tolist())
