"""Tasks that sweeps know by name: :func:`anneal`, :func:`free_energy`, :func:`solve`.

An instance is a file of couplings, or a builder with its arguments such as ``rrg:256,degree=3,couplings=pm1,seed=1``.
Results are plain numbers, extensive; a standard error has its number's name and ``_stderr``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graphar import training
from graphar.estimators import Estimate
from graphar.estimators.partition import free_energy as free_energy_of_model
from graphar.free_energies import log_partition
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.heads import Linear
from graphar.heads.registry import HEADS
from graphar.instances.sources import ORDERINGS, open_graph
from graphar.models.autoregressive import Autoregressive
from graphar.solvers.solve import solve as find

__all__ = ["anneal", "free_energy", "solve"]

CHECKPOINT = "checkpoint.pt"


def anneal(
    instance: str,
    *,
    start: float = 0.05,
    stop: float = 3.0,
    num: int = 60,
    schedule: str = "linear",
    steps: int = 200,
    warmup: int = 500,
    batch_size: int = 512,
    learning_rate: float | None = None,
    clip_norm: float | None = None,
    head: str | None = None,
    ordering: str | None = None,
    exact_width: Any = 0,
    memory: float = 1e9,
    samples: int = 10_000,
    seed: int = 0,
    folder: Path | None = None,
) -> dict[str, Any]:
    """:func:`graphar.anneal` from β = ``start`` to ``stop`` in ``num`` steps, then :func:`graphar.free_energy` there.

    A task that was killed goes on from the checkpoint in its folder.

    Args:
        instance: the graph.
        start, stop, num, schedule: of β, ``"linear"`` or ``"geometric"``.
        steps, warmup, batch_size, learning_rate, clip_norm: of :func:`graphar.anneal`.
        head, ordering: by the names that ``graphar anneal`` knows; the model's own by default.
        exact_width, memory: of :class:`graphar.Autoregressive`.
        samples: behind the last numbers.
        seed: of weights and samples.
        folder: for the checkpoint.

    Returns:
        beta; log_partition, bound, energy and entropy at the last β, with errors; ess, best_energy, best_spins as a
        text of + and −, training_steps, training_seconds.

    Raises:
        ValueError: an argument breaks its rule.
    """
    schedules = {"linear": training.linear, "geometric": training.geometric}
    _check_choice(schedule, "schedule", schedules)
    graph = check_hamiltonian(open_graph(instance), "instance")
    model = Autoregressive(
        graph,
        Linear if head is None else HEADS[_check_choice(head, "head", HEADS)],
        None if ordering is None else ORDERINGS[_check_choice(ordering, "ordering", ORDERINGS)](graph, seed),
        exact_width=exact_width,
        memory=memory,
        seed=seed,
    )
    checkpoint = None if folder is None else folder / CHECKPOINT
    run = training.anneal(
        model,
        schedules[schedule](start, stop, num),
        steps,
        warmup=warmup,
        batch_size=batch_size,
        learning_rate=learning_rate,
        clip_norm=clip_norm,
        seed=seed,
        checkpoint=checkpoint,
        resume=checkpoint if checkpoint is not None and checkpoint.exists() else None,
        progress=False,
    )
    if run.interrupted:
        raise RuntimeError("interrupted before the last beta")
    found = free_energy_of_model(model.at(stop), samples, seed=seed)
    run.update_best(found.best_energy, found.best_spins)
    return {
        "beta": found.beta,
        **_with_error("log_partition", found.log_partition),
        **_with_error("bound", found.bound),
        **_with_error("energy", found.boltzmann_energy),
        **_with_error("entropy", found.boltzmann_entropy),
        "ess": found.ess,
        "best_energy": run.best_energy,
        "best_spins": "".join("+" if spin > 0 else "-" for spin in run.best_spins.tolist()),
        "training_steps": run.step,
        "training_seconds": run.seconds,
    }


def free_energy(
    instance: str,
    beta: float,
    time_limit: float = 60.0,
    *,
    error: float | None = None,
    exact: bool = True,
    seed: int = 0,
    folder: Path | None = None,
) -> dict[str, Any]:
    """:func:`graphar.log_partition` at one β, as ``graphar free-energy``.

    Args:
        instance: the graph.
        beta, time_limit, error, exact, seed: of :func:`graphar.log_partition`.
        folder: for a checkpoint.

    Returns:
        log_partition, energy and entropy with errors, free_energy (None at β = 0), and the method in words.

    Raises:
        ValueError: an argument breaks its rule.
    """
    graph = check_hamiltonian(open_graph(instance), "instance")
    checkpoint = None if folder is None else folder / CHECKPOINT
    found = log_partition(
        graph, beta, time_limit, seed, error=error, exact=exact, checkpoint=checkpoint, progress=False
    )
    if found.interrupted:
        raise RuntimeError("interrupted before the time was over")
    free = None if found.beta == 0 else found.free_energy
    return {
        **_with_error("log_partition", found.log_partition),
        **({"free_energy": None} if free is None else _with_error("free_energy", free)),
        **_with_error("energy", found.energy),
        **_with_error("entropy", found.entropy),
        "method": found.method,
    }


def solve(instance: str, time_limit: float | None = 60.0, *, steps: int | None = None, seed: int = 0) -> dict[str, Any]:
    """:func:`graphar.solve`: a configuration of as low an energy as the time allows.

    Args:
        instance: the graph.
        time_limit, steps, seed: of :func:`graphar.solve`.

    Returns:
        energy, bound (None where there is none), whether it is optimal, the method, best_spins as a text of + and −.

    Raises:
        ValueError: an argument breaks its rule.
    """
    graph = check_hamiltonian(open_graph(instance), "instance")
    found = find(graph, time_limit, seed=seed, steps=steps, progress=False)
    if found.reason == "interrupted":
        raise RuntimeError("interrupted before the time was over")
    return {
        "energy": found.energy,
        "bound": found.bound if found.bound > -float("inf") else None,
        "optimal": found.optimal,
        "method": found.method,
        "best_spins": "".join("+" if spin > 0 else "-" for spin in found.spins.tolist()),
    }


def _with_error(name: str, value: Estimate) -> dict[str, float]:
    return {name: value.value, f"{name}_stderr": value.stderr}


def _check_choice(value: Any, name: str, choices: Any) -> Any:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value
