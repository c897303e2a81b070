"""Families of instances for races between solvers: graphs by seed, and files by their paths.

python examples/benchmarks/race_instances.py    # sizes of one instance of each family
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import graphar as ga

Graph = ga.IsingGraph | ga.SpinHypergraph


def almost_planar(n: int, seed: int) -> ga.IsingGraph:
    """Unit weights on the union of two triangular lattices, the second on shuffled vertices."""
    rows = max(2, int(n**0.5))
    lattice = ga.triangular((rows, n // rows), couplings=-1.0)
    half = lattice.edge_index[:, lattice.edge_index[0] < lattice.edge_index[1]]
    shuffled = torch.from_numpy(np.random.default_rng(seed).permutation(lattice.num_spins))
    ends = torch.cat([half, shuffled[half]], 1).sort(0).values.unique(dim=1)
    return ga.IsingGraph.from_edges(ends, -torch.ones(ends.shape[1]), num_nodes=lattice.num_spins)


def independent_sets(n: int, seed: int) -> ga.problems.IndependentSet:
    return ga.problems.IndependentSet(ga.random_regular(n, degree=3, couplings=1.0, seed=seed))


def torus(shape: tuple[int, ...], couplings: str, seed: int) -> ga.IsingGraph:
    return ga.grid(shape, periodic=True, couplings=couplings, seed=seed)


FAMILIES: dict[str, Callable[[int], Graph | ga.problems.Problem]] = {
    "cut-sparse-unit": lambda s: ga.erdos_renyi(1000, mean_degree=20, couplings=-1.0, seed=s),
    "cut-sparse-pm1": lambda s: ga.erdos_renyi(2000, mean_degree=20, couplings="pm1", seed=s),
    "cut-sparser-unit": lambda s: ga.erdos_renyi(5000, mean_degree=5, couplings=-1.0, seed=s),
    "cut-torus-pm1": lambda s: torus((40, 50), "pm1", s),
    "cut-almost-planar": lambda s: almost_planar(800, s),
    "cut-dense-unit": lambda s: ga.erdos_renyi(400, mean_degree=200, couplings=-1.0, seed=s),
    "cut-dense-pm1": lambda s: ga.complete(400, couplings="pm1", seed=s),
    "ea2d-pm1": lambda s: torus((64, 64), "pm1", s),
    "ea2d-gaussian": lambda s: torus((64, 64), "gaussian", s),
    "ea3d-pm1": lambda s: torus((10, 10, 10), "pm1", s),
    "ea3d-gaussian": lambda s: torus((10, 10, 10), "gaussian", s),
    "rrg3-pm1": lambda s: ga.random_regular(2000, degree=3, couplings="pm1", seed=s),
    "rrg4-pm1": lambda s: ga.random_regular(1000, degree=4, couplings="pm1", seed=s),
    "sk": lambda s: ga.sherrington_kirkpatrick(512, seed=s),
    "rrg3-pm1-4096": lambda s: ga.random_regular(4096, degree=3, couplings="pm1", seed=s),
    "mis-rrg3-1e3": lambda s: independent_sets(1000, s),
    "mis-rrg3-1e4": lambda s: independent_sets(10_000, s),
    "mis-rrg3-1e5": lambda s: independent_sets(100_000, s),
    "xorsat-planted": lambda s: ga.xorsat(300, 3, 3, seed=s),
    "small": lambda s: ga.random_regular(40, degree=4, couplings="pm1", seed=s),
}
"""By name; an instance is a function of its seed. The last is for trying things out."""


def instance(name: str, seed: int) -> Graph | ga.problems.Problem:
    """Of a family by its seed, or of a file: its path, or its format, a colon and its path."""
    if name in FAMILIES:
        return FAMILIES[name](seed)
    form, path = format_and_path(name)
    return ga.read(path, format=form)


def format_and_path(name: str) -> tuple[str | None, Path]:
    form, colon, path = name.partition(":")
    return (form, Path(path)) if colon else (None, Path(name))


def hamiltonian(made: Graph | ga.problems.Problem) -> Graph:
    """What is to be minimised."""
    graph = made.graph if isinstance(made, ga.problems.Problem) else made
    return graph.to(dtype=torch.float64)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest alone")
    for name in ["small"] if parser.parse_args().quick else FAMILIES:
        print(f"{name:<20}{instance(name, 0)!r}", flush=True)
