"""What :func:`graphar.comparison.samplers.compare_samplers` found: a record for each sampler, a table and a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from graphar.estimators.autocorrelation import autocorrelation_time, gelman_rubin, mean_of_chains
from graphar.estimators.estimate import Estimate
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.montecarlo.chains import Chains
from graphar.montecarlo.tempered import Tempering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MIXED", "SamplerComparison", "SamplerRecord", "measure"]

MIXED = 1.1
"""R̂ above which a series has not mixed, and what is said of its τ means nothing."""

_COLUMNS = (
    "",
    "sweeps",
    "seconds",
    "τ(E)",
    "τ(E) s",
    "τ(q) s",
    "R̂(E)",
    "R̂(q)",
    "E / s",
    "q / s",
    "acc",
    "trips",
    "⟨E⟩",
)


@dataclass(frozen=True)
class SamplerRecord:
    """What one sampler found.

    Attributes:
        name: of the sampler.
        sweeps: of every configuration, burn-in included.
        seconds: of the part that was measured, without burn-in.
        replicas: chains.
        energy: ⟨H⟩, with an error that knows autocorrelation.
        energy_time: integrated autocorrelation time τ of the energy, in sweeps.
        overlap_time: that of the overlap q of pairs of chains, in sweeps, no less than those between two that are kept.
        energy_rhat, overlap_rhat: R̂ of either over the chains or pairs; NaN where there are too few.
        energy_samples, overlap_samples: independent ones among all that were measured.
        acceptance: share of proposals accepted; of tempering, the smallest share of swaps; None where none is refused.
        flipped: share of the spins that were flipped in a sweep.
        round_trips: of tempering, from one end to the other and back; None of others.
        best_energy: lowest of those kept.
        measured_sweeps: without burn-in.
    """

    name: str
    sweeps: int
    seconds: float
    replicas: int
    energy: Estimate
    energy_time: float
    overlap_time: float
    energy_rhat: float
    overlap_rhat: float
    energy_samples: float
    overlap_samples: float
    acceptance: float | None
    flipped: float
    round_trips: int | None
    best_energy: float
    measured_sweeps: int

    @property
    def energy_seconds(self) -> float:
        """τ of the energy in seconds, of all chains side by side."""
        return self.energy_time * self.seconds / self.measured_sweeps

    @property
    def overlap_seconds(self) -> float:
        """τ of the overlap in seconds."""
        return self.overlap_time * self.seconds / self.measured_sweeps

    @property
    def energy_rate(self) -> float:
        """Effective samples of the energy a second."""
        return self.energy_samples / self.seconds

    @property
    def overlap_rate(self) -> float:
        """Effective samples of the overlap a second."""
        return self.overlap_samples / self.seconds

    @property
    def mixed(self) -> bool:
        """Whether R̂ of energy and overlap are at most 1.1."""
        return self.energy_rhat <= MIXED and self.overlap_rhat <= MIXED


def measure(name: str, found: Chains | Tempering, beta: float) -> SamplerRecord:
    """The record of a run, of tempering that at the last β."""
    acceptance, trips = None, None
    if isinstance(found, Tempering):
        last = float(found.betas[-1])
        if abs(last - beta) > 1e-9 * beta:
            raise ValueError(f"samplers must have beta = {beta:g} as their last one, got {last:g} of {name!r}")
        energies, spins, lowest = found.energies[-1], found.spins[-1], found.energy[-1]
        flipped, trips = float(found.flipped[-1]), found.round_trips
        acceptance = float(found.swap_rate.min()) if len(found.swap_rate) else None
    else:
        energies, spins, lowest = found.energies, found.spins, found.energy
        flipped = float(found.flipped.mean())
        acceptance = None if found.accepted is None else float(found.accepted.mean())
    swept = max(1, found.sweeps - found.burn_in)
    q = _overlaps(spins)
    apart = swept / q.shape[1]
    time_e, time_q = autocorrelation_time(energies), autocorrelation_time(q)
    return SamplerRecord(
        name=name,
        sweeps=found.sweeps,
        seconds=max(1e-9, found.seconds * swept / max(1, found.sweeps)),
        replicas=len(energies),
        energy=mean_of_chains(energies),
        energy_time=found.every * time_e,
        overlap_time=apart * time_q,
        energy_rhat=_rhat(energies),
        overlap_rhat=_rhat(q),
        energy_samples=energies.numel() / time_e,
        overlap_samples=q.numel() / time_q,
        acceptance=acceptance,
        flipped=flipped,
        round_trips=trips,
        best_energy=float(lowest.min()),
        measured_sweeps=swept,
    )


def _overlaps(spins: Tensor) -> Tensor:
    """q of chains 2a and 2a + 1 of (chains, time, N), float64, (pairs, time)."""
    pairs = len(spins) // 2
    return (spins[: 2 * pairs : 2] * spins[1 : 2 * pairs : 2]).double().mean(-1)


def _rhat(series: Tensor) -> float:
    return gelman_rubin(series) if series.shape[1] >= 4 else math.nan


@dataclass(repr=False)
class SamplerComparison:
    """Samplers side by side; made by :func:`compare_samplers`. Printed, it is the table.

    Attributes:
        graph: the graph.
        beta: inverse temperature β.
        time_limit: seconds that each was given.
        records: of each, in the order in which they ran.
        interrupted: whether Ctrl-C ended it.
    """

    graph: IsingGraph | SpinHypergraph
    beta: float
    time_limit: float
    records: list[SamplerRecord] = field(default_factory=list)
    interrupted: bool = False

    def __getitem__(self, name: str) -> SamplerRecord:
        for record in self.records:
            if record.name == name:
                return record
        raise KeyError(name)

    def table(self) -> str:
        """A line for each sampler: τ in sweeps and seconds, R̂, effective samples a second, acceptance, round trips.

        What means nothing, as the series has not mixed, is left out.
        """
        rows = [_COLUMNS, *(_row(record) for record in self.records)]
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        lines = [f"{self.graph!r}, beta = {self.beta:g}, {self.time_limit:g} s each; * has not mixed: R̂ above {MIXED}"]
        for first, *rest in rows:
            lines.append("  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]))
        return "\n".join(lines)

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Effective samples a second of energy and overlap, pale if they have not mixed; saved if there is a path."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 1.2 + 0.6 * max(1, len(self.records))), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(self.records))
        for shift, part, colour, label in ((-0.2, "energy", "C0", "energy"), (0.2, "overlap", "C1", "overlap q")):
            rates = [getattr(record, f"{part}_rate") for record in self.records]
            bars = axes.barh(places + shift, rates, 0.38, color=colour, label=label)
            for bar, record in zip(bars, self.records, strict=True):
                if not getattr(record, f"{part}_rhat") <= MIXED:
                    bar.set_alpha(0.3)
        axes.set_yticks(places, [record.name for record in self.records])
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlabel(f"effective samples a second at β = {self.beta:g} (pale: R̂ > {MIXED}, not mixed)")
        if self.records:
            axes.legend(frameon=False)
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def __repr__(self) -> str:
        return self.table()


def _row(record: SamplerRecord) -> tuple[str, ...]:
    energy, overlap = record.energy_rhat <= MIXED, record.overlap_rhat <= MIXED
    return (
        record.name if record.mixed else f"{record.name} *",
        f"{record.sweeps:,}",
        f"{record.seconds:.1f}",
        f"{record.energy_time:.3g}" if energy else "–",
        f"{record.energy_seconds:.2g}" if energy else "–",
        f"{record.overlap_seconds:.2g}" if overlap else "–",
        f"{record.energy_rhat:.3f}",
        f"{record.overlap_rhat:.3f}",
        f"{record.energy_rate:.3g}" if energy else "–",
        f"{record.overlap_rate:.3g}" if overlap else "–",
        "" if record.acceptance is None else f"{record.acceptance:.0%}",
        "" if record.round_trips is None else f"{record.round_trips:,}",
        f"{record.energy!r}",
    )
