"""What an annealing run knows: settings, a record for each β, the best configuration met."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import torch
from torch import Tensor

from graphar.estimators import Estimate, FreeEnergy, QuantumEnergy
from graphar.training.trace import Trace, TraceRows

__all__ = ["BetaRecord", "Run", "step_bar", "warn_of_collapse"]

FEW_EFFECTIVE_SAMPLES = 10  # effective samples
QUANTUM_HEAD = (
    f"{'field':>8} {'beta':>8} {'quantum energy':>24} {'variance':>12} {'energy':>12} {'entropy':>10} {'best E':>12}"
)
TABLE_HEAD = f"{'beta':>8} {'F bound':>24} {'log Z':>24} {'energy':>12} {'entropy':>10} {'ESS':>8} {'best E':>12}"


@dataclass(frozen=True)
class BetaRecord:
    """A β of a run, from fresh samples after its last step; energies extensive, errors are standard errors.

    Attributes:
        beta: inverse temperature.
        bound, bound_stderr: variational free energy F_q and its error.
        log_partition, log_partition_stderr: log Z by importance sampling.
        spread: standard deviation of log q + βE over samples, in nats.
        energy, energy_stderr, entropy, entropy_stderr: averages over the model.
        ess, num_samples: effective and actual number of samples behind these numbers.
        best_energy: lowest energy met so far in the run.
        gradient_norm: of the last step, before clipping.
        step: steps done so far.
        seconds: time of this β's steps.
        transverse_field: Γ; this and the next three are None in runs without a transverse field.
        quantum_energy, quantum_energy_stderr: ⟨H⟩ of ψ = √q and its error, at least the ground energy.
        quantum_variance: ⟨H²⟩ − ⟨H⟩², zero for an eigenstate.
        residual_energy: ``energy`` above the ground energy of H_cl, or None where that is not known.
    """

    beta: float
    bound: float
    bound_stderr: float
    log_partition: float
    log_partition_stderr: float
    spread: float
    energy: float
    energy_stderr: float
    entropy: float
    entropy_stderr: float
    ess: float
    num_samples: int
    best_energy: float
    gradient_norm: float
    step: int
    seconds: float
    transverse_field: float | None = None
    quantum_energy: float | None = None
    quantum_energy_stderr: float | None = None
    quantum_variance: float | None = None
    residual_energy: float | None = None

    @classmethod
    def of(cls, result: FreeEnergy, quantum: QuantumEnergy | None, run: Run, gradient_norm: float) -> Self:
        """Record from evaluations and the state of the run."""
        ground = run.settings["ground_energy"]
        return cls(
            beta=result.beta,
            bound=result.bound.value,
            bound_stderr=result.bound.stderr,
            log_partition=result.log_partition.value,
            log_partition_stderr=result.log_partition.stderr,
            spread=result.spread,
            energy=result.energy.value,
            energy_stderr=result.energy.stderr,
            entropy=result.entropy.value,
            entropy_stderr=result.entropy.stderr,
            ess=result.ess,
            num_samples=result.num_samples,
            best_energy=run.best_energy,
            gradient_norm=gradient_norm,
            step=run.step,
            seconds=run.seconds_at_beta,
            transverse_field=None if quantum is None else float(quantum.transverse_field[0]),
            quantum_energy=None if quantum is None else quantum.energy.value,
            quantum_energy_stderr=None if quantum is None else quantum.energy.stderr,
            quantum_variance=None if quantum is None else quantum.variance,
            residual_energy=None if ground is None else result.energy.value - ground,
        )

    def objective(self, entropy: bool) -> Estimate:
        """What was minimised, an energy: F_q, ⟨H⟩ − S/β, or one of them without entropy, with its error."""
        if self.quantum_energy is not None and self.quantum_energy_stderr is not None:
            lost = self.entropy / self.beta if entropy else 0.0
            error = self.entropy_stderr / self.beta if entropy else 0.0
            return Estimate(self.quantum_energy - lost, math.hypot(self.quantum_energy_stderr, error))
        return Estimate(self.bound, self.bound_stderr) if entropy else Estimate(self.energy, self.energy_stderr)

    def lies_above_met(self, entropy: bool) -> bool:
        """Whether the objective lies above an energy that was met, which only a failed training does.

        A single configuration would do as well as its energy. Without entropy, means of energies are above the lowest
        for as long as there are two left.
        """
        found = self.objective(entropy)
        return entropy and found.value > self.best_energy + 5 * found.stderr + 1e-6 * abs(self.best_energy)

    def row(self) -> str:
        """A line of :meth:`Run.table`."""
        if self.quantum_energy is not None and self.quantum_energy_stderr is not None:
            quantum = Estimate(self.quantum_energy, self.quantum_energy_stderr)
            return (
                f"{self.transverse_field:8.4f} {self.beta:8.4f} {quantum!r:>24} {self.quantum_variance:12.4g} "
                f"{self.energy:12.4f} {self.entropy:10.4f} {self.best_energy:12g}"
            )
        bound = Estimate(self.bound, self.bound_stderr)
        doubt = " ?" if self.ess < FEW_EFFECTIVE_SAMPLES else ""
        log_z = f"{Estimate(self.log_partition, self.log_partition_stderr)!r}{doubt}"
        share = f"{100 * self.ess / self.num_samples:.1f}%"
        return (
            f"{self.beta:8.4f} {bound!r:>24} {log_z:>24} {self.energy:12.4f} {self.entropy:10.4f} "
            f"{share:>8} {self.best_energy:12g}"
        )


@dataclass
class Run:
    """Result of :func:`graphar.anneal`, whole or as far as it got.

    Attributes:
        settings: arguments of the run.
        history: a :class:`BetaRecord` for every β finished.
        best_energy, best_spins: lowest energy met, and its configuration (N,) in site order.
        step: optimisation steps done.
        interrupted: whether Ctrl-C ended it.
        rows: what :attr:`trace` is made of.
    """

    settings: dict[str, Any]
    history: list[BetaRecord] = field(default_factory=list)
    best_energy: float = math.inf
    best_spins: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int8))
    step: int = 0
    seconds_at_beta: float = 0.0
    interrupted: bool = False
    rows: TraceRows = field(default_factory=TraceRows, repr=False)

    def update_best(self, energy: float, spins: Tensor) -> None:
        """Remember a configuration if it is the best so far."""
        if energy < self.best_energy:
            self.best_energy, self.best_spins = energy, spins.clone()

    def finish(self, record: BetaRecord) -> None:
        """Add the record of a finished β."""
        self.history.append(record)
        self.seconds_at_beta = 0.0

    @property
    def seconds(self) -> float:
        """Time of all steps so far."""
        return sum(record.seconds for record in self.history) + self.seconds_at_beta

    @property
    def trace(self) -> Trace:
        """Energy, entropy, variance, … at every step so far."""
        settings, table = self.settings, self.rows.table
        stage = (torch.arange(len(table)) - settings["warmup"]).clamp(min=0) // settings["steps"]
        beta = torch.tensor(settings["schedule"], dtype=torch.float64)
        gamma = torch.tensor(settings["transverse_field"] or [0.0] * len(beta), dtype=torch.float64)
        energy, entropy, flips, objective, variance = table.unbind(1)
        residual = None if settings["ground_energy"] is None else energy - settings["ground_energy"]
        return Trace(beta[stage], gamma[stage], energy, entropy, energy + flips, objective, variance, residual)

    def state(self) -> dict[str, Any]:
        """Plain numbers, lists and tensors, for a checkpoint."""
        return {**vars(self), "history": [asdict(record) for record in self.history], "rows": self.rows.table}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Inverse of :meth:`state`."""
        history = [BetaRecord(**record) for record in state["history"]]
        return cls(**{**state, "history": history, "rows": TraceRows(state["rows"])})

    def table(self, rows: int | None = None) -> str:
        """A line for every β, or for about ``rows`` of them, the last included.

        A question mark follows a log Z that rests on fewer than 10 effective samples: its error is not to be trusted.
        """
        every = 1 if rows is None else max(1, math.ceil(len(self.history) / rows))
        shown = self.history[::-1][::every][::-1]
        quantum = self.settings["transverse_field"] is not None
        return "\n".join([QUANTUM_HEAD if quantum else TABLE_HEAD, *(record.row() for record in shown)])

    def __repr__(self) -> str:
        planned = len(self.settings["schedule"])
        state = "interrupted" if self.interrupted else "at"
        best = f"best energy {self.best_energy:g}" if self.history or self.step else "no step yet"
        what = "beta" if self.settings["transverse_field"] is None else "the field"
        done = f"{len(self.history)}/{planned} values of {what}, {self.step} steps, {self.seconds:.1f} s"
        return f"Run({state} {done}, {best})"


def step_bar(total: int, done: int, show: bool) -> Any:
    """A progress bar over steps."""
    from tqdm.auto import tqdm

    return tqdm(
        total=total, initial=done, disable=not show, unit="step", desc="annealing", leave=None, dynamic_ncols=True
    )


def warn_of_collapse(record: BetaRecord, entropy: bool) -> None:
    """Where training failed; told at the call two above."""
    if record.lies_above_met(entropy):
        where = f"beta = {record.beta:g}"
        if record.transverse_field is not None:
            where = f"transverse field = {record.transverse_field:g}"
        warnings.warn(
            f"at {where} the bound {record.objective(entropy).value:g} lies above the energy {record.best_energy:g} "
            "of a single configuration seen: training diverged or barely began; lower learning_rate or take more "
            "steps",
            stacklevel=3,
        )
