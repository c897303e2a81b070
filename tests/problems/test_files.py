"""Problems and answers from files, in the files' own names, by hand-written examples; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from torch_geometric.utils import from_networkx

import graphar as ga
from graphar.cli import main

GSET = "4 4\n1 2 3\n2 3 -1\n3 4 2\n4 1 1\n"
PATH = "c a path\np edge 4 6\ne 1 2\ne 2 1\ne 2 3\ne 3 2\ne 3 4\ne 4 3\n"
CNF = "c two clauses\np cnf 3 2\n1 -3 0\n2\n 3 -1 0\n%\n0\n"
WCNF = "p wcnf 3 3 10\n10 1 -3 0\n4 2 3 -1 0\n2 -2 0\n"


@pytest.fixture(autouse=True)
def in_a_folder_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"a.gset": GSET, "a.col": PATH, "a.cnf": CNF, "a.wcnf": WCNF}.items():
        Path(name).write_text(text)


def test_names_are_the_files_own() -> None:
    cut = ga.problems.MaxCut.from_file("a.gset")
    assert cut.objective(({1, 3}, {2, 4})) == 5.0
    assert torch.equal(cut.graph.edge_weight, ga.read("a.gset").edge_weight)
    path = ga.problems.IndependentSet.from_file("a.col")
    assert path.violations({1, 2, 4}) == [(1, 2)]
    Path("a.edges").write_text("1 2 0.5\n2 3 -2\n")
    assert ga.problems.MaxCut.from_file("a.edges", base=1).objective(({1, 3}, {2})) == -1.5


def test_weights_of_vertices() -> None:
    Path("w.col").write_text("p edge 3 2\nn 2 5\ne 1 2\ne 2 3\n")
    assert ga.problems.IndependentSet.from_file("w.col").objective({2}) == 5.0
    for read in (ga.read, ga.problems.MaxCut.from_file):
        with pytest.raises(ValueError, match="weights of vertices"):
            read("w.col")


@pytest.mark.parametrize("x", range(8))
def test_formulas(x: int) -> None:
    a, b, c = (bool(x >> k & 1) for k in range(3))
    values = {1: a, 2: b, 3: c}
    first, second = a or not c, b or c or not a
    plain = ga.problems.MaxSat.from_file("a.cnf")
    assert plain.objective(values) == first + second
    spins = torch.tensor([2 * a - 1, 2 * b - 1, 2 * c - 1])
    assert float(ga.read("a.cnf").energy(spins)) == 2 - first - second
    weighted = ga.problems.MaxSat.from_file("a.wcnf")
    assert weighted.objective(values) == 4 * second + 2 * (not b)
    assert weighted.feasible(values) == first
    Path("new.wcnf").write_text("h 1 -3 0\n4 2 3 -1 0\n2 -2 0\n")
    assert ga.problems.MaxSat.from_file("new.wcnf").check(values) == weighted.check(values)


def test_parities() -> None:
    Path("x.cnf").write_text("p cnf 3 2\nx1 -2 3 0\nx1 2 0\n")
    problem = ga.problems.XorSat.from_file("x.cnf")
    assert problem.objective({1: 1, 2: 0, 3: 1}) == 2.0  # 1 + 1 + 1 is odd, 1 + 0 is odd
    assert problem.objective({1: 0, 2: 1, 3: 1}) == 2.0
    assert problem.objective({1: 1, 2: 0, 3: 0}) == 1.0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("b.cnf", "p cnf 3 2\n1 2 0\n", "line 2: 2 clauses promised, got 1"),
        ("b.cnf", "p cnf 3 1\n1 2\n", "line 2: a 0 expected at the end"),
        ("b.cnf", "p cnf 2 1\n1 3 0\n", "line 2: literals of the variables 1 to 2"),
        ("b.cnf", "p cnf 2 1\n1 1.5 0\n", "line 2: literals"),
        ("b.cnf", "p dnf 2 1\n1 0\n", "line 1: a line 'p cnf N M'"),
        ("b.cnf", "p cnf 2 1\nh 1 0\n", "line 2: hard clauses by 'h'"),
        ("b.cnf", "p cnf 2 1\nx1 2 0\n", "line 2: clauses expected, not parities"),
        ("b.wcnf", "p wcnf 2 1\n-3 1 0\n", "line 2: a positive weight"),
        ("b.col", "p edge 2 1\ne 1 3\n", "line 2: sites must be whole numbers from 1 to 2"),
        ("b.col", "p edge 2 2\ne 1 2\n", "2 edges promised, got 1"),
        ("b.col", "p edge 2 1\ne 1 2 1\ne 2 1 2\n", "line 3: every edge must be listed once"),
        ("b.col", "p edge 2 1\na 1 2\n", "line 2: "),
        ("b.col", "e 1 2\n", "line 1: a line 'p edge N M' expected"),
    ],
)
def test_files_that_are_refused(name: str, text: str, message: str) -> None:
    Path(name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        ga.read(name)


def test_one_graph_in_many_forms() -> None:
    graph = nx.gnm_random_graph(8, 13, seed=3)
    nx.set_edge_attributes(graph, {edge: k / 4 - 1 for k, edge in enumerate(graph.edges)}, "weight")
    matrix = nx.to_numpy_array(graph)
    expected = ga.problems.MaxCut(graph).graph.to_dense()
    edges = [(u, v, w) for u, v, w in graph.edges(data="weight")]
    data = from_networkx(graph)
    data.edge_weight, data.weight = data.weight, None
    once = data.clone()
    forward = once.edge_index[0] < once.edge_index[1]
    once.edge_index, once.edge_weight = once.edge_index[:, forward], once.edge_weight[forward]
    np.fill_diagonal(matrix, 0)
    sources: list[Any] = [data, once, edges, {(u, v): w for u, v, w in edges}, ga.problems.MaxCut(graph).graph]
    sources += [scipy.sparse.csr_array(np.triu(matrix)), matrix, torch.from_numpy(matrix)]
    for source in sources:
        assert ga.problems.MaxCut(source).graph.to_dense().double().equal(expected)


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("-+-+", ["a.gset"], "objective (max): 5"),
        ("0 1 0 1\n", ["a.gset"], "objective (max): 5"),
        ("1\n3\n", ["a.gset"], "objective (max): 5"),
        ("1 -1 1 -1", ["a.gset", "--as", "lowest-energy"], "objective (min): -5"),
        ("1\n2\n", ["a.col", "--as", "independent-set"], "feasible: no, 1 violated: (1, 2)"),
        ("2\n3\n", ["a.col", "--as", "vertex-cover"], "feasible: yes"),
        ("1 0\n2 1\n3 2\n4 0\n", ["a.col", "--as", "colouring", "--colours", "3"], "objective (min): 0"),
        ("c x\ns SATISFIABLE\nv 1 2\nv -3 0\n", ["a.cnf"], "objective (max): 2"),
    ],
)
def test_check(text: str, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("answer").write_text(text)
    assert main(["check", arguments[0], "answer", *arguments[1:]]) == 0
    assert expected in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an answer expected"),
        ("1\n9\n", "line 2: .*'9' is none"),
        ("1\n1\n", "line 2: every name"),
        ("nan", "none"),
    ],
)
def test_answers_that_are_refused(text: str, message: str) -> None:
    Path("answer").write_text(text)
    with pytest.raises(ValueError, match=message):
        ga.problems.MaxCut.from_file("a.gset").read_answer("answer")
