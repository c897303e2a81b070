"""What checkpoints must hold, and whether it fits together: every field has its type, shape and range."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch.optim import Optimizer

from graphar import heads
from graphar._support.schema import (
    FLOATING,
    Check,
    anything,
    each,
    flag,
    integer,
    like,
    number,
    one_of,
    optional,
    plain,
    record,
    records_of,
    table,
    tensor,
)
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.training.run import BetaRecord, Run
from graphar.training.trace import COLUMNS

__all__ = ["CHECKPOINT", "FORMAT", "RUN", "STRUCTURE", "check_course", "load_optimizer"]

FORMAT = "graphar checkpoint 3"

STRUCTURE: dict[str, Check] = {
    "graph": record(
        {
            "weights": tensor((None,), *FLOATING),
            "h": tensor((None,), *FLOATING),
            "offset": number(),
            "pos": optional(tensor((None, None), *FLOATING)),
            "labels": optional(one_of()),
        },
        # edges, or the sites of interactions of any numbers of spins over their numbers
        {"edge_index": tensor((2, None), torch.int64), "hyperedge_index": tensor((2, None), torch.int64)},
    ),
    "ordering": record({"sites": tensor((None,), torch.int64), "name": one_of()}),
    "head": record({"name": one_of(*heads.__all__), "settings": table(plain)}),
    "frontier": one_of("component", "all"),
    "radius": optional(integer()),
    "exact_width": integer(),
    "dtype": one_of("float32", "float64"),
}
CHECKPOINT = record(
    {
        "format": one_of(FORMAT),
        **STRUCTURE,
        "weights": table(tensor(None, *FLOATING)),
        "frozen": each(one_of()),
        "trained_beta": optional(number(least=0)),
    },
    {"run": anything, "optimizer": anything, "trained": anything},  # what they must be depends on who goes on
)
RUN = record(
    {
        "settings": record(
            {
                "schedule": each(number(above=0)),
                "transverse_field": optional(each(number(least=0))),
                "entropy": flag,
                "ground_energy": optional(number()),
                "steps": integer(1),
                "warmup": integer(),
                "batch_size": integer(2),
                "seed": integer(),
                "learning_rate": number(above=0),
                "clip_norm": optional(number(above=0)),
                "evaluate_samples": integer(2),
                "average": flag,
                "optimizer": one_of(),
            }
        ),
        "history": records_of(BetaRecord),
        "best_energy": number(finite=False),
        "best_spins": tensor((None,), torch.int8),
        "step": integer(),
        "seconds_at_beta": number(least=0),
        "interrupted": flag,
        "rows": tensor((None, len(COLUMNS)), torch.float64),
    }
)


def check_course(run: Run, graph: IsingGraph | SpinHypergraph) -> None:
    """Whether steps and records are those of the schedule, and the best energy is that of the best spins.

    Raises:
        ValueError: the first that is not.
    """
    settings, done = run.settings, len(run.history)
    schedule, fields, steps = (
        settings["schedule"],
        settings["transverse_field"],
        0 if settings["optimizer"] == "none" else settings["steps"],
    )
    if [record.beta for record in run.history] != schedule[:done]:
        raise ValueError(f"run.history must follow the schedule, got {done} records of other values of beta")
    if fields is not None and len(fields) != len(schedule):
        raise ValueError(f"run.settings.transverse_field must have {len(schedule)} values, got {len(fields)}")
    if [record.transverse_field for record in run.history] != (fields or [None] * done)[:done]:
        raise ValueError("run.history must follow the transverse field of the settings, got records of other values")
    parts = ("transverse_field", "quantum_energy", "quantum_energy_stderr", "quantum_variance")
    if any(len({getattr(record, part) is None for part in parts}) > 1 for record in run.history):
        raise ValueError("run.history must have all quantum numbers of a record or none, got some")
    first = settings["warmup"] if steps else 0
    if [record.step for record in run.history] != [first + steps * (k + 1) for k in range(done)]:
        raise ValueError("run.history must have the steps of the schedule, got others")
    least = first + steps * done if done else 0
    most = first + steps * (done + 1) - 1 if steps and done < len(schedule) else least
    if not least <= run.step <= most:
        raise ValueError(f"run.step must be in {least} … {most} after {done} values of beta, got {run.step}")
    if len(run.rows.table) != run.step:
        raise ValueError(f"run.rows must have a row for each of {run.step} steps, got {len(run.rows.table)}")
    if not run.best_spins.numel():
        if run.step or done or run.best_energy != math.inf:
            raise ValueError("run.best_spins must be those of run.best_energy, got none")
        return
    size = float(2 * graph.couplings.abs().sum() + graph.h.abs().sum() + graph.offset.abs().sum())
    energy = float(graph.energy(run.best_spins))
    if not abs(energy - run.best_energy) <= 1e-5 * size:
        raise ValueError(f"run.best_energy must be that of run.best_spins, {energy:g}, got {run.best_energy:g}")


def load_optimizer(optimizer: Optimizer | None, state: Any, step: int) -> None:
    """Set an optimiser to a state, which must be one that it has after so many steps and can go on from.

    An optimiser makes its state in its first step, so one is made, without gradient; the weights are put back. A fused
    one takes tensors of other shapes as they come and writes past their ends. A step from the new state tells whether
    its numbers are sound.

    Raises:
        ValueError: it has not.
    """
    if optimizer is None:
        like(None)(state, "optimizer")
        return
    if step:
        _step_in_place(optimizer)
    own = optimizer.state_dict()
    of_weights = {key: like(value) for key, value in own["state"].items()}  # those that no gradient reached have none
    record({"state": record({}, of_weights), "param_groups": like(own["param_groups"])})(state, "optimizer")
    for group, fresh in zip(state["param_groups"], own["param_groups"], strict=True):
        if group["params"] != fresh["params"]:
            raise ValueError(f"optimizer.param_groups must have the weights {fresh['params']}, got {group['params']}")
    if step:
        optimizer.load_state_dict(copy.deepcopy(state))
        if not _step_in_place(optimizer):
            raise ValueError("optimizer.state must lead to finite weights, got one that leads to NaN or inf")
    optimizer.load_state_dict(state)


@torch.no_grad()
def _step_in_place(optimizer: Optimizer) -> bool:
    """A step without gradient; whether it leads to finite weights, which are put back."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    before = [weight.clone() for weight in weights]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    try:
        optimizer.step()
        return all(bool(torch.isfinite(weight).all()) for weight in weights)
    finally:
        for weight, value in zip(weights, before, strict=True):
            weight.copy_(value)
            weight.grad = None
