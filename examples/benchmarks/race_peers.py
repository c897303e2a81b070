"""Solvers that race ga.solve, each with the settings that it is tuned over.

python examples/benchmarks/race_peers.py    # which are installed
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from race_samplers import Found, annealing, descent, openjij, pairs_of, tabu, tree_decomposition
from race_sets import exchanges

import graphar as ga

DENSE_BYTES = 2e9  # that a matrix of all pairs may take
MODES = (("ballistic", False), ("discrete", False), ("discrete", True))


@dataclass(frozen=True)
class Peer:
    """A solver of others: its package, what it is run with, and whether it takes an instance."""

    package: str
    run: Callable[[Any, Any, int, float], Found]
    settings: tuple[Any, ...] = (None,)
    takes: Callable[[Any], bool] = lambda made: True

    @property
    def installed(self) -> bool:
        return find_spec(self.package.split(".")[0]) is not None and find_spec(self.package) is not None


def bifurcation(made: Any, setting: tuple[str, bool], seed: int, seconds: float) -> Found:
    import simulated_bifurcation as sb

    graph, (mode, heated) = pairs_of(made), setting
    i, j = graph.edge_index
    matrix = torch.zeros(graph.num_spins, graph.num_spins)
    matrix[i, j] = -graph.edge_weight.float() / 2
    options = {"domain": "spin", "dtype": torch.float32, "mode": mode, "heated": heated, "verbose": False}
    count = getattr(made, "graph", made).num_spins
    torch.manual_seed(seed)

    def again() -> Found:
        end = time.monotonic() + seconds
        while True:
            left = max(0.01, end - time.monotonic())
            spins, _ = sb.minimize(matrix, -graph.h.float(), agents=32, best_only=False, timeout=left, **options)
            yield spins[:, :count].numpy().astype(np.int8)

    return again()


def is_small(made: Any) -> bool:
    return 4 * pairs_of(made).num_spins ** 2 < DENSE_BYTES


def is_set(made: Any) -> bool:
    return isinstance(made, ga.problems.IndependentSet)


PEERS = {
    "annealing": Peer("dwave.samplers", annealing, (1000, 10_000, 100_000)),
    "tabu": Peer("dwave.samplers", tabu, (0.02, 0.1, 0.5)),
    "descent": Peer("dwave.samplers", descent, (False, True)),
    "tree": Peer("dwave.samplers", tree_decomposition),
    "openjij": Peer("openjij", openjij, (1000, 10_000, 100_000)),
    "bifurcation": Peer("simulated_bifurcation", bifurcation, MODES, is_small),
    "exchanges": Peer("graphar", exchanges, (1, 2, 4), is_set),
}

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for name, peer in PEERS.items():
        print(f"{name:<13}{peer.package:<24}{'' if peer.installed else 'not installed':<15}settings {peer.settings}")
