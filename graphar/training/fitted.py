"""Result of training on samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Fit", "FitRecord"]


@dataclass(frozen=True)
class FitRecord:
    """What an evaluation found.

    Attributes:
        step: after how many steps.
        log_likelihood: ⟨log q⟩ in nats over the samples held out, or over all where none are.
        bound: ⟨log q + βE⟩ over samples of q, where it is part of the objective; NaN elsewhere.
        objective: what is minimised.
    """

    step: int
    log_likelihood: float
    bound: float
    objective: float


@dataclass
class Fit:
    """Result of :func:`fit`, whole or as far as it got.

    Attributes:
        settings: arguments of the training.
        history: a record for each evaluation, the first before any step.
        best: the record of the weights that the model was left with.
        step, seconds: steps made, and their time.
        interrupted: whether Ctrl-C ended it.
        stopped_early: whether it ended because held-out samples told of no more progress.
    """

    settings: dict[str, Any]
    history: list[FitRecord] = field(default_factory=list)
    step: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    stopped_early: bool = False

    @property
    def best(self) -> FitRecord:
        if not self.settings["held_out"]:
            return self.history[-1]
        return min(self.history, key=lambda record: record.objective)

    def __repr__(self) -> str:
        end = ", interrupted" if self.interrupted else ", stopped early" if self.stopped_early else ""
        held = "held-out" if self.settings["held_out"] else "training"
        return f"Fit({self.step} steps, log q {self.best.log_likelihood:.6g} nats a {held} sample{end})"
