"""Answers as text that :meth:`graphar.problems.Problem.read_answer` reads back."""

from __future__ import annotations

from typing import Any

from graphar.problems.base import Problem
from graphar.problems.colouring import Colouring

__all__ = ["answer_text"]


def answer_text(problem: Problem[Any], answer: Any) -> str:
    """A number for each name, one a line: ±1, or colours."""
    if isinstance(problem, Colouring):
        return "".join(f"{colour}\n" for colour in answer.values())
    return "".join("+1\n" if spin > 0 else "-1\n" for spin in problem.encode(answer)[: problem.num_values].tolist())
