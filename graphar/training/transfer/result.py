"""What a pretraining knows: the best weights so far, and how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch import Tensor

from graphar._support.schema import anything, flag, integer, number, plain, record, records_of, table
from graphar.heads import MessagePassing, MessageWeights
from graphar.heads.message_passing.rule import MessageRule

__all__ = ["Pretraining", "PretrainingRecord"]


@dataclass(frozen=True)
class PretrainingRecord:
    """Held-out graphs after some steps: mean of βF_q/N over them, and its standard error from the samples."""

    step: int
    bound: float
    stderr: float


RESULT = record(
    {
        "settings": table(plain),
        "history": records_of(PretrainingRecord),
        "best": number(),
        "best_tensors": anything,  # those of the rule that goes on
        "step": integer(),
        "seconds": number(least=0),
        "interrupted": flag,
    }
)


@dataclass
class Pretraining:
    """Result of :func:`graphar.pretrain`, whole or as far as it got.

    Attributes:
        start: the head that training began with.
        settings: arguments of the training.
        history: a record for each evaluation, the first before any step.
        best: lowest held-out βF_q/N, that of ``weights``.
        step, seconds: steps made, and their time.
        interrupted: whether Ctrl-C ended it.
    """

    start: MessagePassing
    settings: dict[str, Any]
    history: list[PretrainingRecord] = field(default_factory=list)
    best: float = math.inf
    best_tensors: dict[str, Tensor] = field(default_factory=dict, repr=False)
    step: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def weights(self) -> MessageWeights:
        """The best weights; ``.save(path)`` keeps them for any graph."""
        about = {**self.settings, "step": self.step, "history": [[r.step, r.bound, r.stderr] for r in self.history]}
        return MessageWeights(self.best_tensors, about, "pretrained")

    @property
    def head(self) -> MessagePassing:
        """The head with the best weights."""
        return replace(self.start, weights=self.weights)

    @property
    def stopped_early(self) -> bool:
        """Whether as many evaluations as ``patience`` allows have passed without a better one."""
        patience = self.settings["patience"]
        at = min(range(len(self.history)), key=lambda k: self.history[k].bound, default=0)
        return patience is not None and len(self.history) - 1 - at >= patience

    def update_best(self, record: PretrainingRecord, rule: MessageRule) -> None:
        """Add a record, and keep the weights if they are the best so far."""
        self.history.append(record)
        if record.bound < self.best:
            self.best = record.bound
            self.best_tensors = {name: value.detach().clone() for name, value in rule.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Plain numbers, lists and tensors, for a checkpoint."""
        state = {name: value for name, value in vars(self).items() if name != "start"}
        return {**state, "history": [asdict(record) for record in self.history]}

    def check_course(self, state: Mapping[str, Any]) -> None:
        """Whether the records of a state, of these settings, are those of its steps.

        Raises:
            ValueError: they are not.
        """
        step, every, last = state["step"], self.settings["evaluate_every"], self.settings["steps"]
        if step > last:
            raise ValueError(f"result.step must be at most {last}, got {step}")
        expected = list(range(0, step + 1, every)) + [last] * (step == last and last % every > 0)
        found = [record["step"] for record in state["history"]]
        if found != expected:
            raise ValueError(f"result.history must have an evaluation at steps 0, {every}, … {step}, got {found}")
        if state["best"] != min(record["bound"] for record in state["history"]):
            raise ValueError(f"result.best must be the lowest bound of result.history, got {state['best']}")

    def restore(self, state: Mapping[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        vars(self).update(state)
        self.history = [PretrainingRecord(**record) for record in state["history"]]
        self.interrupted = False

    def table(self) -> str:
        """A line for each evaluation."""
        lines = [f"{'step':>8} {'held-out βF/N':>22}"]
        lines += [f"{r.step:8d} {r.bound:12.6f} ± {r.stderr:.6f}" for r in self.history]
        return "\n".join(lines)

    def __repr__(self) -> str:
        state = "interrupted" if self.interrupted else "stopped early" if self.stopped_early else "at"
        first = self.history[0].bound if self.history else math.nan
        done = f"{state} {self.step}/{self.settings['steps']} steps, {self.seconds:.1f} s"
        return f"Pretraining({done}, held-out βF/N {first:.6f} → {self.best:.6f})"
