"""What :func:`graphar.compare` found: a run for each architecture, their errors, a table and a picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from graphar.autoregressive import Autoregressive
from graphar.estimators import Estimate
from graphar.exact._cheapest import Floats
from graphar.hamiltonians import IsingGraph
from graphar.training import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Comparison"]

_COLUMNS = ("", "weights", "steps", "seconds", "F bound", "error", "largest", "ESS", "best E")


@dataclass(repr=False)
class Comparison:
    """Architectures side by side; made by :func:`compare`. Printed, it is the table at the last β.

    Attributes:
        graph: the graph.
        beta: the schedule.
        log_partition: log Z at each β, or None where the lowest bound takes its place.
        reference: where it is from, in words.
        runs: by name, a :class:`graphar.Run` with a record for each β.
        models: by name, as training left them.
        interrupted: whether Ctrl-C ended it.
    """

    graph: IsingGraph
    beta: tuple[float, ...]
    log_partition: Floats | None
    reference: str
    runs: dict[str, Run] = field(default_factory=dict)
    models: dict[str, Autoregressive] = field(default_factory=dict)
    interrupted: bool = False

    def errors(self, name: str) -> tuple[Floats, Floats]:
        """Relative errors of F_q and their standard errors, at the values of β that were reached."""
        history = self.runs[name].history
        beta, bound, stderr = np.array([(each.beta, each.bound, each.bound_stderr) for each in history]).T
        log_z = self._log_partition[: len(history)]
        return (beta * bound + log_z) / np.abs(log_z), beta * stderr / np.abs(log_z)

    @property
    def records(self) -> list[dict[str, Any]]:
        """A plain dict for each architecture and β: name, weights, log Z, error, and all of the run's own record."""
        return [
            {
                "name": name,
                "weights": self.models[name].num_parameters,
                "reference": float(log_z),
                "error": float(error),
                "error_stderr": float(stderr),
                **asdict(record),
            }
            for name, run in self.runs.items()
            for record, log_z, error, stderr in zip(run.history, self._log_partition, *self.errors(name), strict=False)
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
        lines = [f"{self.graph!r}, beta = {self.beta[at]:g}, error relative to {self.reference}"]
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
            size = np.where(errors == 0, np.nan, np.abs(errors))  # zero, of the lowest bound itself, has no logarithm
            axes.errorbar(x, size, stderrs, fmt=".-", label=name)
        axes.set_yscale("log")
        if against != "beta":
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xlim(0, 2 * axes.get_xlim()[1])
        axes.set_xlabel(names[against])
        axes.set_ylabel("relative error of F")

    @property
    def _log_partition(self) -> Floats:
        if self.log_partition is not None:
            return self.log_partition
        best = np.full(len(self.beta), -np.inf)
        for run in self.runs.values():
            found = [-record.beta * record.bound for record in run.history]
            best[: len(found)] = np.maximum(best[: len(found)], found)
        return best

    def __repr__(self) -> str:
        return self.table()
