"""The side of a race that runs: a solver on an instance, in a process of its own, told by a pipe.

Making the instance, importing packages and loading compiled loops is not counted: the clock starts at the signal.
"""

import os
import time
from typing import Any

import torch
from race_instances import hamiltonian, instance
from race_peers import PEERS

import graphar as ga

REFUSED = "does not take such an instance"


def load_loops(made: Any) -> None:
    """Solve small graphs of the same kind, so that compiled loops are there."""
    if isinstance(made, ga.problems.IndependentSet):
        ga.max_independent_set(ga.random_regular(200, degree=3, couplings=1.0), None, seed=0, steps=1, progress=False)
    if isinstance(made, ga.SpinHypergraph):
        small = [ga.xorsat(30, seed=0), ga.random_hypergraph(60, 3, 4, seed=0), ga.random_hypergraph(200, 3, 9, seed=0)]
    else:
        degrees = [3, 12] if hamiltonian(made).num_couplings < 5 * hamiltonian(made).num_spins else [12]
        small = [ga.random_regular(200, degree=d, couplings="pm1", seed=0) for d in degrees]
        small += [ga.grid((8, 8), periodic=True, couplings="pm1", seed=0), ga.grid((6, 6), field=0.5, seed=0)]
    for graph in small:
        ga.solve(graph, None, steps=2, progress=False)


def graphar(pipe: Any, made: Any, seed: int, seconds: float) -> None:
    load_loops(made)
    graph = hamiltonian(made)
    start = ready(pipe)

    def tell(now: ga.Progress) -> None:
        pipe.send(("found", time.monotonic() - start, now.energy, now.method))

    found = ga.solve(made, seconds, seed=seed, callback=tell, progress=False)
    energy = float(graph.energy(found.spins))
    if found.problem is not None:
        energy = min(energy, float(graph.energy(made.encode(found.answer))))  # a repair may have gained
    pipe.send(("found", time.monotonic() - start, energy, found.method))
    pipe.send(("bound", found.bound, found.optimal, found.bound_method))


def ready(pipe: Any) -> float:
    pipe.send(("ready",))
    pipe.recv()
    return time.monotonic()


def peer(pipe: Any, made: Any, name: str, setting: Any, seed: int, seconds: float) -> None:
    graph, lowest = hamiltonian(made), float("inf")
    found = PEERS[name].run(made, setting, seed, seconds)
    start = ready(pipe)
    for spins in found:
        energy = float(graph.energy(torch.from_numpy(spins)).min())
        if energy < lowest:
            lowest = energy
            pipe.send(("found", time.monotonic() - start, energy, name))
        if time.monotonic() - start > seconds:
            break


def child(pipe: Any, family: str, index: int, name: str, setting: Any, seed: int, seconds: float, cores: int) -> None:
    torch.set_num_threads(cores if name == "graphar" else 1)
    for stream in (1, 2):  # of what peers print
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        made = instance(family, index)
        if name == "graphar":
            graphar(pipe, made, seed, seconds)
        elif not PEERS[name].takes(made):
            pipe.send(("refused", REFUSED))
        else:
            peer(pipe, made, name, setting, seed, seconds)
    except Exception as error:
        pipe.send(("refused", f"{type(error).__name__}: {error}".splitlines()[0][:200]))
    finally:
        pipe.send(("end",))
