"""QPLIB files of unconstrained binary problems (types ?BN and ?BB), 1-based:

    minimise or maximise  ½ xᵀQx + bᵀx + c,   x ∈ {0, 1}^n,

with the *lower* triangle of the symmetric Q listed: an entry q at (i, j), i > j, contributes q x_i x_j, one on
the diagonal ½ q x_i. x = (1 + s)/2 turns it into spins, and H is the objective where it is minimised, minus the
objective where it is maximised. Starting points and names are checked and left.

Reference: F. Furini et al., QPLIB: a library of quadratic programming instances, Math. Prog. Comp. 11, 237
(2019), https://doi.org/10.1007/s12532-018-0147-4, appendix B.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphar._support.files import naming
from graphar.hamiltonians.ising import IsingGraph
from graphar.io._write import number, qubo_of, save_lines
from graphar.io.text import TextFile

__all__ = ["read", "write"]


def read(path: Path) -> IsingGraph:
    """Read an unconstrained binary problem, plain or gzip.

    Raises:
        ValueError: the problem has constraints or other variables; anything in the file breaks the format.
    """
    from scipy.sparse import coo_array

    file = TextFile(path, comment="#!%")
    file.take("the name of the problem")
    kind = file.take("the type of the problem").upper()
    if len(kind) != 3 or kind[0] not in "LDCQ" or kind[1] != "B" or kind[2] not in "NB":
        file.fail("type of an unconstrained binary problem expected, such as QBN")
    sense = file.take("minimize or maximize").lower()
    if sense not in ("minimize", "maximize"):
        file.fail("minimize or maximize expected")
    n = file.check_spins(file.take_counts(1, "the number of variables")[0])
    count = 0 if kind[0] == "L" else file.take_counts(1, "the number of quadratic terms")[0]
    rows = file.take_rows((3,), count)
    i, j = file.sites(rows, 0, 1, n), file.sites(rows, 1, 1, n)
    file.refuse(i < j, rows, "quadratic terms must stand in the lower triangle")
    file.refuse_repeats(i, j, rows, "every quadratic term must be listed once")
    linear = _take_vector(file, n, "the default of the linear terms")
    constant = file.take_real("the constant of the objective")
    _take_rest(file, n)
    sites = np.flatnonzero(linear)
    entries = np.concatenate([rows.values[:, 2] * np.where(i == j, 0.5, 1.0), linear[sites]])
    places = (np.concatenate([i, sites]), np.concatenate([j, sites]))
    sign = 1 if sense == "minimize" else -1
    with naming(path):
        return IsingGraph.from_qubo(coo_array((sign * entries, places), shape=(n, n)), sign * constant)


def write(graph: IsingGraph, path: Path, *, name: str = "graphar") -> None:
    """Write the graph as a minimisation of type QBN, constant included.

    Args:
        graph: the Hamiltonian; couplings of 0 stay quadratic terms of 0.
        path: the file, gzip if it ends in ``.gz``.
        name: name of the problem, one word.
    """
    if not name.isprintable() or set(name) & set("#!% ") or not name:
        raise ValueError(f"name must be one word without #, ! and %, got {name!r}")
    rows, columns, entries, constant = qubo_of(graph)
    quadratic = [(i, j, q) for i, j, q in zip(rows, columns, entries, strict=True) if i != j]
    linear = [(i, q) for i, j, q in zip(rows, columns, entries, strict=True) if i == j]
    lines = [
        *(name, "QBN", "minimize", f"{graph.num_spins} # number of variables"),
        f"{len(quadratic)} # number of quadratic terms in objective",
        *(f"{j + 1} {i + 1} {number(q)}" for i, j, q in quadratic),
        "0 # default value for linear coefficients in objective",
        f"{len(linear)} # number of non-default linear coefficients in objective",
        *(f"{i + 1} {number(q)}" for i, q in linear),
        f"{number(constant)} # objective constant",
        "1.0E+30 # value for infinity",
        "0 # default variable primal value in starting point",
        "0 # number of non-default variable primal values in starting point",
        "0 # default variable bound dual value in starting point",
        "0 # number of non-default variable bound dual values in starting point",
        "0 # number of non-default variable names",
        "0 # number of non-default constraint names",
    ]
    save_lines(path, lines, graph.num_spins)


def _take_vector(file: TextFile, n: int, what: str) -> np.ndarray:
    """A default, the number of other values, and those."""
    vector = np.full(n, file.take_real(what))
    rows = file.take_rows((2,), file.take_counts(1, "the number of values that differ from the default")[0])
    site = file.sites(rows, 0, 1, n)
    file.refuse_repeats(site, site, rows, "every value must be listed once")
    vector[site] = rows.values[:, 1]
    return vector


def _take_rest(file: TextFile, n: int) -> None:
    file.take_real("the value for infinity")
    _take_vector(file, n, "the default of the starting point")
    _take_vector(file, n, "the default of the dual starting point")
    for _ in range(file.take_counts(1, "the number of names of variables")[0]):
        file.take("a name")
    if file.peek() is not None and file.take_counts(1, "the number of names of constraints") != [0]:
        file.fail("no names of constraints expected without constraints")
    file.end()
