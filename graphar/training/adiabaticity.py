r"""How far a run fell behind its schedule, and the schedule on which it would fall behind by the same everywhere.

When β or Γ moves on, the weights are those of before. What the objective then has too much, and loses again in the
steps that follow, is

    Δ_k = β [F(λ_k; θ_{k−1}) − F(λ_k; θ_k)] ≈ ½ g(λ_k) (λ_k − λ_{k−1})²,

of second order, since θ_{k−1} was at its optimum; without a transverse field it is what KL(q‖p) loses. An anneal
follows its optimum if no Δ_k takes the weights out of reach of gradient descent, which is what the adiabatic theorem of
variational annealing asks for. For a given number of values, ΣΔ_k is least where all are equal (Cauchy and Schwarz):
where λ moves as 1/√g, at constant speed in the thermodynamic length Σ √Δ_k. M. Hibat-Allah et al., `arXiv:2101.10154
<https://arxiv.org/abs/2101.10154>`_; G. E. Crooks, `Phys. Rev. Lett. 99, 100602 (2007)
<https://arxiv.org/abs/0706.0559>`_.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_count
from graphar.training.run import Run

__all__ = ["Adiabaticity", "adiabaticity"]


@dataclass(frozen=True, eq=False)
class Adiabaticity:
    """What each change of a schedule cost a run; made by :func:`adiabaticity`.

    Attributes:
        beta, transverse_field: the schedule, of K values; Γ = 0 where there is no transverse field.
        entropy: whether the entropy counts.
        excess: Δ_k in nats, β times an energy, of each change, shape (K − 1,); noise may make one negative.
        stderr: their standard errors.
    """

    beta: Tensor
    transverse_field: Tensor
    entropy: bool
    excess: Tensor
    stderr: Tensor

    @property
    def length(self) -> Tensor:
        """Σ √Δ up to each value of the schedule, shape (K,): a Δ below its error counts as that."""
        steps = torch.maximum(self.excess, self.stderr).sqrt()
        return torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])

    def schedule(self, num: int | None = None) -> dict[str, Any]:
        """The same course at constant speed, as keyword arguments of :func:`graphar.anneal`.

        Args:
            num: values; by default as many as before.

        Raises:
            ValueError: ``num`` below 2.
        """
        count = len(self.beta) if num is None else check_count(num, "num", 2)
        length = self.length.numpy()
        at = np.interp(np.linspace(0, length[-1], count), length, np.arange(len(length)))
        stages = np.arange(len(length))
        course: dict[str, Any] = {"beta": tuple(np.interp(at, stages, self.beta.numpy()).tolist())}
        if bool(self.transverse_field.any()):
            course["transverse_field"] = tuple(np.interp(at, stages, self.transverse_field.numpy()).tolist())
        return course | {"entropy": self.entropy}

    def __repr__(self) -> str:
        total, worst = float(self.excess.sum()), int(self.excess.argmax())
        error = float(self.stderr.square().sum().sqrt())
        where = f"β {float(self.beta[worst + 1]):.4g}"
        if bool(self.transverse_field.any()):
            where += f", Γ {float(self.transverse_field[worst + 1]):.4g}"
        largest = f"largest {float(self.excess[worst]):.3g} at {where}"
        return f"Adiabaticity({len(self.excess)} changes cost {total:.3g} ± {error:.1g} nats, {largest})"


def adiabaticity(run: Run) -> Adiabaticity:
    r"""How far a run fell behind its schedule at every change of it, from the run's own trace.

    .. math:: \Delta_k = \beta_k \bigl[F(\lambda_k; \theta_{k-1}) - F(\lambda_k; \theta_k)\bigr]

    The first is the objective of the first batch at λ_k, drawn before any step there; the second the mean over the
    later half of the steps. A short run at few samples measures a schedule for a long one:
    ``ga.anneal(model, **ga.adiabaticity(short).schedule(100), steps=200)``.

    Args:
        run: of at least two finished values of β or Γ and two steps at each.

    Returns:
        The excess at each change, and a schedule on which it would be the same at all.

    Raises:
        ValueError: no run, fewer values or steps, or nothing was trained.

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.grid((4, 4), couplings="ferromagnet"))
    >>> run = ga.anneal(model, ga.linear(0.1, 0.9, 9), steps=20, warmup=100, batch_size=200, progress=False)
    >>> course = adiabaticity(run).schedule(5)
    >>> course["beta"][0], len(course["beta"]), course["beta"][-1]
    (0.1, 5, 0.9)
    """
    if not isinstance(run, Run):
        raise ValueError(f"run must be a Run, as graphar.anneal returns, got {type(run).__name__}")
    trace, settings, done = run.trace, run.settings, len(run.history)
    steps, warmup = settings["steps"], settings["warmup"]
    if done < 2 or steps < 2 or len(trace) < warmup + done * steps:
        raise ValueError(f"run must have trained at two values or more, two steps each, got {done} of {steps} steps")
    last = slice(warmup, warmup + done * steps)
    objective, variance = trace.objective[last].view(done, steps), trace.variance[last].view(done, steps)
    beta, gamma = (part[last].view(done, steps)[:, 0] for part in (trace.beta, trace.transverse_field))
    later = slice(steps // 2, None)
    excess = beta * (objective[:, 0] - objective[:, later].mean(1))
    noise = variance[:, 0] + variance[:, later].mean(1) / math.ceil(steps / 2)
    stderr = beta * (noise / settings["batch_size"]).sqrt()
    return Adiabaticity(beta, gamma, settings["entropy"], excess[1:], stderr[1:])
