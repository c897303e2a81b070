"""What :func:`graphar.comparison.compare` found: a run for each architecture, their errors, a table and a picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from graphar.estimators.estimate import Estimate, is_low
from graphar.exact.automatic import Floats
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.models.autoregressive import Autoregressive
from graphar.training import BetaRecord, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ESTIMATED", "Comparison", "Reference"]

_COLUMNS = ("", "weights", "steps", "seconds", "F bound", "error", "largest", "ESS", "best E")

ESTIMATED = "the best estimate of these"
REFUTED = 4.0  # standard errors by which another result lies above an estimate that cannot be right
ROUNDING = 1e-6  # of float32


@dataclass(frozen=True)
class Reference:
    """log Z, with its standard error, and where it is from, in words."""

    log_partition: Estimate
    source: str


def _best(records: dict[str, BetaRecord]) -> Reference:
    """The estimate of log Z to trust most among those of several models at one β."""
    bounds = {name: Estimate(-each.beta * each.bound, each.beta * each.bound_stderr) for name, each in records.items()}
    estimates = {
        name: Estimate(each.log_partition, each.log_partition_stderr)
        for name, each in records.items()
        if not is_low(each.ess, each.num_samples)
    }
    every = [*estimates.values(), *bounds.values()]
    sound = {name: one for name, one in estimates.items() if not any(_refutes(other, one) for other in every)}
    if sound:
        name = min(sound, key=lambda name: sound[name].stderr)
        return Reference(sound[name], f"log Z by importance sampling with {name}")
    name = max(bounds, key=lambda name: bounds[name].value - 2 * bounds[name].stderr)
    return Reference(bounds[name], f"log Z by the bound of {name}")


def _refutes(other: Estimate, one: Estimate) -> bool:
    apart = REFUTED * math.hypot(other.stderr, one.stderr) + ROUNDING * abs(one.value)
    return other.value - one.value > apart


@dataclass(repr=False)
class Comparison:
    """Architectures side by side; made by :func:`compare`. Printed, it is the table at the last β.

    Attributes:
        graph: the graph.
        beta: the schedule.
        log_partition: log Z at each β, or None where :meth:`references` estimates it from the runs.
        reference: where it is from, in words; of an estimate, :meth:`references` says more.
        runs: by name, a :class:`graphar.Run` with a record for each β.
        models: by name, as training left them.
        interrupted: whether Ctrl-C ended it.
    """

    graph: IsingGraph | SpinHypergraph
    beta: tuple[float, ...]
    log_partition: Floats | None
    reference: str
    runs: dict[str, Run] = field(default_factory=dict)
    models: dict[str, Autoregressive] = field(default_factory=dict)
    interrupted: bool = False

    def errors(self, name: str) -> tuple[Floats, Floats]:
        """Relative errors of F_q and their standard errors, at the values of β that were reached.

        Where log Z is an estimate, the errors hold its own standard error too.
        """
        history = self.runs[name].history
        beta, bound, stderr = np.array([(each.beta, each.bound, each.bound_stderr) for each in history]).T
        found = self.references()[: len(history)]
        log_z, error = np.array([(one.log_partition.value, one.log_partition.stderr) for one in found]).T
        return (beta * bound + log_z) / np.abs(log_z), np.hypot(beta * stderr, error) / np.abs(log_z)

    def references(self) -> list[Reference]:
        """log Z that the errors are relative to, for each β that was reached, and where it is from.

        Where no exact one is known, the importance-sampling estimate of smallest standard error among those with a
        healthy ESS that no other result refutes: both estimates and bounds lie below log Z when a model has lost
        states, so one that lies above by four standard errors does. If there is none, the bound on log Z whose lower
        confidence limit is highest.
        """
        if self.log_partition is not None:
            return [Reference(Estimate(float(value), 0.0), self.reference) for value in self.log_partition]
        reached = max((len(run.history) for run in self.runs.values()), default=0)
        return [
            _best({name: run.history[at] for name, run in self.runs.items() if at < len(run.history)})
            for at in range(reached)
        ]

    @property
    def records(self) -> list[dict[str, Any]]:
        """A plain dict for each architecture and β: name, weights, log Z, error, and all of the run's own record."""
        references = self.references()
        return [
            {
                "name": name,
                "weights": self.models[name].num_parameters,
                "reference": reference.log_partition.value,
                "reference_stderr": reference.log_partition.stderr,
                "reference_from": reference.source,
                "error": float(error),
                "error_stderr": float(stderr),
                **{part: value for part, value in asdict(record).items() if value is not None},
            }
            for name, run in self.runs.items()
            for record, reference, error, stderr in zip(run.history, references, *self.errors(name), strict=False)
        ]

    def table(self, beta: float | None = None) -> str:
        """A line for each architecture at the last β, or at the one nearest to a given one.

        ``error`` is the relative error of F there, ``largest`` the largest over all β up to it; ``seconds`` are those
        of the whole run.

        Raises:
            ValueError: ``beta`` is NaN or infinite.
        """
        if beta is not None and not math.isfinite(beta):
            raise ValueError(f"beta must be finite, got {beta}")
        at = len(self.beta) - 1 if beta is None else int(np.abs(np.array(self.beta) - beta).argmin())
        rows = [_COLUMNS, *(self._row(name, at) for name in self.runs)]
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        lines = [f"{self.graph!r}, beta = {self.beta[at]:g}, error relative to {self._described(at)}"]
        for first, *rest in rows:
            lines.append("  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]))
        return "\n".join(lines)

    def _row(self, name: str, at: int) -> tuple[str, ...]:
        run, (errors, stderrs) = self.runs[name], self.errors(name)
        here = min(at, len(errors) - 1)
        record = run.history[here]
        return (
            name if here == at else f"{name} (until beta = {record.beta:g})",
            f"{self.models[name].num_parameters:,}",
            f"{record.step}",
            f"{run.seconds:.1f}",
            f"{Estimate(record.bound, record.bound_stderr)!r}",
            f"{errors[here]:.1e} ± {stderrs[here]:.0e}",
            f"{np.abs(errors[: here + 1]).max():.1e}",
            f"{100 * record.ess / record.num_samples:.1f}%",
            f"{record.best_energy:g}",
        )

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Errors against β, and at the last β against time and number of weights; saved where there is a path."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(13, 4.5), layout="constrained")
        panels = figure.subplots(1, 3)
        for axes, against in zip(panels, ("beta", "seconds", "weights"), strict=True):
            self.draw(axes, against)
        if self.runs:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper center", ncols=4)
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def draw(self, axes: Axes, against: str = "beta") -> None:
        """Sizes of the errors on axes of a figure of yours, against ``"beta"``, ``"seconds"`` or ``"weights"``."""
        names = {"beta": "inverse temperature β", "seconds": "seconds of training", "weights": "weights"}
        if against not in names:
            raise ValueError(f'against must be "beta", "seconds" or "weights", got {against!r}')
        for name, run in self.runs.items():
            errors, stderrs = self.errors(name)
            if against == "beta":
                x = np.array(self.beta[: len(errors)])
            else:
                x = np.array([run.seconds if against == "seconds" else self.models[name].num_parameters])
                errors, stderrs = errors[-1:], stderrs[-1:]
            size = np.where(errors == 0, np.nan, np.abs(errors))  # zero, of the bound that is the reference, has no log
            axes.errorbar(x, size, stderrs, fmt=".-", label=name)
        axes.set_yscale("log")
        if against != "beta":
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xlim(0, 2 * axes.get_xlim()[1])
        axes.set_xlabel(names[against])
        axes.set_ylabel(f"relative error of F\n(against {self.reference})")

    def _described(self, at: int) -> str:
        """The reference at one β, in words."""
        references = self.references()
        if self.log_partition is not None or at >= len(references):
            return self.reference
        return f"{references[at].source}, {references[at].log_partition!r}"

    def __repr__(self) -> str:
        return self.table()
