"""Problems solved in one call: :class:`graphar.problems.MaxCut` and its siblings, given to :func:`graphar.solve`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphar.problems import QUBO, Colouring, IndependentSet, MaxCut, MaxSat, NumberPartitioning, Problem, VertexCover
from graphar.solvers.result import Solution
from graphar.solvers.solve import solve

__all__ = [
    "Solved",
    "colouring",
    "max_cut",
    "max_independent_set",
    "max_sat",
    "min_vertex_cover",
    "partition_numbers",
    "qubo",
]


@dataclass(frozen=True, eq=False)
class Solved:
    """An answer in the user's own names, and how good it is; made by :func:`max_cut` and its siblings.

    Attributes:
        value: the objective of the answer.
        answer: as the problem tells it.
        bound: no feasible answer has a better objective.
        optimal: whether that proves the answer best.
        feasible: whether the answer keeps all rules.
        solution: all else, see :class:`Solution`.
    """

    value: float
    answer: Any
    bound: float
    optimal: bool
    feasible: bool
    solution: Solution = field(repr=False)

    @property
    def partition(self) -> Any:
        """The answer, where it is two sets."""
        if not (isinstance(self.answer, tuple) and len(self.answer) == 2):
            raise ValueError(f"partition is of cuts and of numbers, got an answer of type {type(self.answer).__name__}")
        return self.answer


def max_cut(graph: Any, time_limit: float | None = 10.0, seed: int = 0, **options: Any) -> Solved:
    r"""Two sides of a graph with as much weight between them as can be found.

    .. math:: \max_x \sum_{(i,j)} w_{ij} \frac{1 - x_i x_j}{2}

    Args:
        graph: as :class:`graphar.problems.MaxCut` takes it, of networkx, PyG, scipy, or edges.
        time_limit: seconds; it ends sooner with a proof.
        seed: of all random bits.
        options: further ones of :func:`graphar.solve`.

    Raises:
        ValueError: as there.

    >>> import networkx as nx
    >>> cut = max_cut(nx.petersen_graph(), progress=False)
    >>> cut.value, cut.optimal, sorted(map(len, cut.partition))
    (12.0, True, [4, 6])
    """
    return _solved(MaxCut(graph), time_limit, seed, options)


def max_independent_set(
    graph: Any, weights: Any = None, time_limit: float | None = 10.0, seed: int = 0, **options: Any
) -> Solved:
    """A set of vertices without edges between them, as heavy as can be found; the rest as for :func:`max_cut`.

    Args:
        graph: as :class:`graphar.problems.IndependentSet` takes it.
        weights: of the vertices, as there; 1 each by default.
        time_limit: seconds; it ends sooner with a proof.
        seed: of all random bits.
        options: further ones of :func:`graphar.solve`.

    >>> import networkx as nx
    >>> max_independent_set(nx.petersen_graph(), progress=False).value
    4.0
    """
    return _solved(IndependentSet(graph, weights), time_limit, seed, options)


def min_vertex_cover(
    graph: Any, weights: Any = None, time_limit: float | None = 10.0, seed: int = 0, **options: Any
) -> Solved:
    """A set of vertices that every edge has an end in, as light as can be found; see :func:`max_independent_set`.

    >>> import networkx as nx
    >>> min_vertex_cover(nx.petersen_graph(), progress=False).value
    6.0
    """
    return _solved(VertexCover(graph, weights), time_limit, seed, options)


def colouring(graph: Any, num_colours: int, time_limit: float | None = 10.0, seed: int = 0, **options: Any) -> Solved:
    """Colours of vertices with as little weight of edges in conflict as can be found; see :func:`max_cut`.

    Args:
        graph: as :class:`graphar.problems.Colouring` takes it.
        num_colours: how many there are.
        time_limit: seconds; it ends sooner with a proof.
        seed: of all random bits.
        options: further ones of :func:`graphar.solve`.

    >>> import networkx as nx
    >>> colouring(nx.cycle_graph(5), 3, progress=False).value
    0.0
    """
    return _solved(Colouring(graph, num_colours), time_limit, seed, options)


def max_sat(clauses: Any, time_limit: float | None = 10.0, seed: int = 0, **options: Any) -> Solved:
    """An assignment that makes as many clauses true, or such weight of them, as can be found; see :func:`max_cut`.

    Args:
        clauses: as :class:`graphar.problems.MaxSat` takes them.
        time_limit: seconds; it ends sooner with a proof.
        seed: of all random bits.
        options: further ones of :func:`graphar.solve`.

    >>> max_sat([(1, 2), (-1, 2), (1, -2), (-1, -2)], progress=False).value
    3.0
    """
    return _solved(MaxSat(clauses), time_limit, seed, options)


def partition_numbers(numbers: Any, time_limit: float | None = 10.0, seed: int = 0, **options: Any) -> Solved:
    """Two sets of numbers with sums as equal as can be found; see :func:`max_cut`.

    >>> partition_numbers([4, 5, 6, 7, 8], progress=False).value
    0.0
    """
    return _solved(NumberPartitioning(numbers), time_limit, seed, options)


def qubo(Q: Any, time_limit: float | None = 10.0, seed: int = 0, *, sense: str = "min", **options: Any) -> Solved:
    """Bits with bᵀQb as low, or as high, as can be found; see :func:`max_cut`.

    Args:
        Q: as :class:`graphar.problems.QUBO` takes it.
        time_limit: seconds; it ends sooner with a proof.
        seed: of all random bits.
        sense: ``"min"`` or ``"max"``.
        options: further ones of :func:`graphar.solve`.

    >>> qubo({("a", "a"): 1.0, ("b", "b"): 1.0, ("a", "b"): -3.0}, progress=False).answer
    {'a': 1, 'b': 1}
    """
    return _solved(QUBO(Q, sense=sense), time_limit, seed, options)


def _solved(problem: Problem[Any], time_limit: float | None, seed: int, options: dict[str, Any]) -> Solved:
    found = solve(problem, time_limit, seed=seed, **options)
    answer = found.answer
    feasible = problem.feasible(answer)
    return Solved(found.objective, answer, found.objective_bound, found.optimal and feasible, feasible, found)
