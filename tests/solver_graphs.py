"""Small random graphs of many families, a hard one, and a search of them without a bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

import graphar as ga

__all__ = ["FAMILIES", "graphs_of", "hard", "solve"]

FAMILIES = (
    "pm1 grid",
    "gaussian grid with fields",
    "pm1 regular",
    "gaussian complete",
    "pm1 complete with fields",
    "tree with fields",
    "unfrustrated",
    "sparse with integers",
    "gaussian torus",
    "planar",
)


def graphs_of(family: str, count: int, largest: int = 12) -> Iterator[ga.IsingGraph]:
    """``count`` graphs of at most ``largest`` sites, the same at every call."""
    rng = torch.Generator().manual_seed(FAMILIES.index(family))
    for seed in range(count):
        yield _graph(family, seed, rng, largest)


def _graph(family: str, seed: int, rng: torch.Generator, largest: int) -> ga.IsingGraph:
    n = int(torch.randint(3, largest + 1, (1,), generator=rng))
    if family == "pm1 grid":
        return ga.grid((3, max(2, n // 3)), couplings="pm1", seed=seed)
    if family == "gaussian grid with fields":
        return ga.grid((2, max(2, n // 2)), couplings="gaussian", field="gaussian", seed=seed)
    if family == "pm1 regular":
        return ga.random_regular(max(4, n - n % 2), degree=3, couplings="pm1", seed=seed)
    if family == "gaussian torus":
        return ga.grid((3, 3 if n < 10 else 4), periodic=True, couplings="gaussian", seed=seed)
    if family == "planar":
        return ga.triangular((3, max(2, n // 3)), couplings="gaussian" if n % 2 else "pm1", seed=seed)
    chance = {"tree with fields": 0.0, "unfrustrated": 0.5, "sparse with integers": 0.35}.get(family, 1.0)
    upper = torch.triu(torch.rand(n, n, generator=rng) < chance, 1)
    if chance == 0:
        upper[torch.tensor([int(torch.randint(k, (1,), generator=rng)) for k in range(1, n)]), torch.arange(1, n)] = (
            True
        )
    ends = upper.nonzero().T
    J = torch.randn(ends.shape[1], generator=rng, dtype=torch.float64)
    h = torch.randn(n, generator=rng, dtype=torch.float64)
    if family == "unfrustrated":
        gauge = torch.randint(0, 2, (n,), generator=rng) * 2 - 1
        J, h = J.abs() * gauge[ends[0]] * gauge[ends[1]], h.abs() * gauge * (seed % 2)
    elif family == "sparse with integers":
        J, h = torch.randint(-3, 4, J.shape, generator=rng).double(), torch.randint(-2, 3, (n,), generator=rng).double()
    elif family == "pm1 complete with fields":
        J, h = J.sign(), h.sign() * (seed % 3)
    elif family == "gaussian complete":
        h = 0 * h
    return ga.IsingGraph.from_edges(ends, J, h, n, offset=0.25 * (seed % 4))


def hard(num_spins: int = 400) -> ga.IsingGraph:
    """Too wide for anything exact, and too large for the bound to be met."""
    return ga.sherrington_kirkpatrick(num_spins, seed=1)


def solve(graph: Any, time_limit: float | None = 60.0, *arguments: Any, **options: Any) -> ga.Solution:
    return ga.solve(graph, time_limit, *arguments, progress=False, **options)
