"""Tempering in a file, to go on from."""

from __future__ import annotations

from itertools import pairwise
from os import PathLike

import numpy as np
import torch

from graphar._support.files import read_state, write_state
from graphar._support.schema import each, integer, number, one_of, record, tensor
from graphar.free_energies.tempering import MAX_NUMBERS, Rounds
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.fingerprint import fingerprint

__all__ = ["read_rounds", "write_rounds"]

FORMAT = "graphar free energies 1"
MOST_KEPT = 2**24  # spins at the targets


def write_rounds(path: str | PathLike[str], rounds: Rounds) -> None:
    """All that tempering has measured, thinned where it is much."""
    if rounds.spins is None or not rounds.energies:
        return
    first = rounds.after_burn_in
    energy = np.concatenate(rounds.energies[first:], axis=2)
    energy = np.ascontiguousarray(energy[:, :, :: -(-energy.size // MAX_NUMBERS)])
    kept = torch.stack([rounds.spins_after(k, first) for k in range(len(rounds.targets))])
    state = {
        "format": FORMAT,
        "graph": fingerprint(rounds.graph),
        "seed": rounds.seed,
        "targets": rounds.targets,
        "betas": rounds.betas,
        "spins": rounds.spins,
        "energy": torch.from_numpy(energy),
        "kept": kept[:, :, :: max(1, -(-kept.numel() // MOST_KEPT))].clone(),
        "trips": sum(rounds.trips[first:]),
        "count": rounds.count,
        "sweeps": rounds.sweeps,
        "best_energy": rounds.best_energy,
    }
    write_state(path, state)


def read_rounds(
    path: str | PathLike[str], graph: IsingGraph | SpinHypergraph, targets: list[float], seed: int
) -> Rounds:
    """What :func:`write_rounds` wrote; a ValueError where it is of another graph, other β or another seed."""
    n, spins = graph.num_spins, torch.int8
    check = record(
        {
            "format": one_of(),
            "graph": one_of(),
            "seed": integer(),
            "targets": each(number(above=0)),
            "betas": each(number(least=0)),
            "spins": tensor((None, None, n), spins),
            "energy": tensor((None, None, None), torch.float64),
            "kept": tensor((None, None, None, n), spins),
            "trips": integer(),
            "count": integer(),
            "sweeps": integer(),
            "best_energy": number(),
        }
    )
    state = read_state(path, FORMAT, lambda value, name: None)
    if state.get("graph") != fingerprint(graph):
        raise ValueError(f"resume must be of the same graph, got {path}, which is of another")
    try:
        check(state, "")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if state["targets"] != targets or state["seed"] != seed:
        raise ValueError(
            f"resume must be of the same beta and seed, got beta {targets}, seed {seed} for {state['targets']}, "
            f"seed {state['seed']} in {path}"
        )
    rounds = Rounds(graph, targets, seed)
    betas, replicas, times = state["betas"], rounds.replicas, state["energy"].shape[2]
    rising = betas[:1] == [0.0] and all(a < b for a, b in pairwise(betas))
    if not rising or not set(targets) <= set(betas):
        raise ValueError(f"{path}: betas must rise from 0 and hold all targets")
    shapes = (state["spins"].shape[:2], state["energy"].shape[:2], state["kept"].shape[:2])
    right = ((len(betas), replicas), (len(betas), replicas), (len(targets), replicas))
    found = tuple(tuple(shape) for shape in shapes)
    if found != right or times < 2 or not state["kept"].shape[2]:
        raise ValueError(f"{path}: spins, energy and kept must begin with the shapes {right}, got {found}")
    if not all(bool((state[name].abs() == 1).all()) for name in ("spins", "kept")):
        raise ValueError(f"{path}: spins must be -1 and +1")
    rounds.betas, rounds.spins = betas, state["spins"]
    rounds.energies, rounds.kept, rounds.trips = [state["energy"].numpy()], [state["kept"]], [state["trips"]]
    rounds.count, rounds.sweeps, rounds.best_energy = state["count"], state["sweeps"], state["best_energy"]
    rounds.settled = 1
    return rounds
