"""Files of interactions of any numbers of spins: worked examples, round trips, what is refused and by which line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS, configurations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphar as ga
from graphar import IsingGraph, SpinHypergraph
from graphar.cli import main
from graphar.io import FORMATS

NAMES = ("hyperedge_index", "hyperedge_weight", "h", "offset")
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


def same(a: SpinHypergraph, b: SpinHypergraph) -> bool:
    return a.num_spins == b.num_spins and a.labels == b.labels and all(torch.equal(a[name], b[name]) for name in NAMES)


def saved(folder: Path, text: str) -> Path:
    path = folder / "a.interactions"
    path.write_text(text)
    return path


def test_a_worked_example(tmp_path: Path) -> None:
    graph = ga.read(saved(tmp_path, "# two interactions\n1.5 2 0 1\n\n-2 3 1  # a pair\n0.25 3\n"))
    s = configurations(4).double()
    expected = -1.5 * s[:, 0] * s[:, 1] * s[:, 2] + 2 * s[:, 1] * s[:, 3] - 0.25 * s[:, 3]
    assert isinstance(graph, SpinHypergraph)
    assert torch.equal(graph.energy(s), expected)


def test_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.interactions"
    interactions = [("a", "b", "c"), ("c", "d")]
    ga.write(SpinHypergraph.from_hyperedges(interactions, [1e-7, -2.0], {"d": 0.5}, offset=1.5), path)
    assert path.read_text().splitlines() == [
        "# graphar interactions, spins 4, interactions 2, fields 1, offset 1.5",
        '# labels ["a", "b", "c", "d"]',
        "-2 2 3",
        "0.0000001 0 1 2",
        "0.5 3",
    ]


@pytest.mark.parametrize("name", HYPERGRAPHS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_round_trips(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"a.interactions{suffix}"
    ga.write(HYPERGRAPHS[name], path)
    assert same(ga.read(path), HYPERGRAPHS[name])


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sets(st.integers(0, 7), min_size=2), max_size=8, unique_by=frozenset),
    st.lists(finite, min_size=16, max_size=16),
    finite,
)
def test_any_numbers_round_trip(tmp_path: Path, sets: list[set[int]], numbers: list[float], offset: float) -> None:
    graph = SpinHypergraph.from_hyperedges(
        [tuple(each) for each in sets], numbers[: len(sets)], numbers[8:], offset=offset
    )
    path = tmp_path / "a.interactions"
    ga.write(graph, path)
    assert same(ga.read(path), graph)


def test_pairs_go_both_ways(tmp_path: Path) -> None:
    graph = IsingGraph.from_edges([[0, 1], [1, 2]], [1.0, -0.5], [0, 0, 2.0])
    ga.write(graph, tmp_path / "a.interactions")
    back = ga.read(tmp_path / "a.interactions")
    assert torch.equal(back.to_ising().edge_weight, graph.edge_weight)
    ga.write(back, tmp_path / "b.edges")
    assert torch.equal(ga.read(tmp_path / "b.edges").edge_weight, graph.edge_weight)


@pytest.mark.parametrize("format", [name for name, entry in FORMATS.items() if not entry.many])
def test_formats_of_pairs_refuse_more(tmp_path: Path, format: str) -> None:
    message = f"at most two spins in the format '{format}', got one of 3; 'interactions' holds any"
    with pytest.raises(ValueError, match=message):
        ga.write(HYPERGRAPHS["triple"], tmp_path / "a", format)
    assert not list(tmp_path.iterdir())


TITLE = "# graphar interactions, spins 3, offset 0\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 1\n2\n", "line 2: a coupling and at least one site expected, got '2'"),
        ("1 0 1\n2 0.5 1\n", "line 2: sites must be whole numbers from 0 to"),
        ("1 0 1e0\n", "line 1: sites must be whole numbers"),
        ("1 0 -1\n", "line 1: sites must be whole numbers from 0"),
        (f"{TITLE}1 0 3\n", "line 2: sites must be whole numbers from 0 to 2"),
        ("1 0 1 2\n\n1 1 2 1\n", "line 3: every site must be listed once in an interaction, got '1 1 2 1'"),
        ("1 0 1 2\n1 0 1\n2 2 1 0\n", "line 3: every interaction must be listed once, got '2 2 1 0'"),
        ("1 0\n1 1 2\n1 0\n", "line 3: every interaction must be listed once"),
        ("1 0 x\n", "line 1: finite numbers expected, 'x' is none"),
        ("nan 0 1\n", "line 1: finite numbers expected, 'nan' is none"),
        ("1e999 0 1\n", "line 1: finite numbers expected"),
        ("", "num_spins must be told for a file that lists nothing"),
        ("# graphar interactions, spins three, offset 0\n1 0 1\n", "line 1: a header like"),
        ("# graphar interactions, spins 99999999, offset 0\n", "line 1: from 1 to 1048576 spins can be claimed"),
        (
            "# graphar interactions, spins 3, interactions 2, fields 0, offset 0\n1 0 1\n",
            "2 interactions and 0 fields promised, got 1",
        ),
        (f'{TITLE}# labels ["a", "b"]\n1 0 1\n', "line 2: 3 labels expected, all different"),
        (f"{TITLE}# labels [[\n1 0 1\n", "line 2: labels must be a JSON list"),
    ],
)
def test_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ga.read(saved(tmp_path, text))
    assert "a.interactions" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_spins": 4}, "num_spins must agree with the header, got num_spins=4"),
        ({"num_spins": 0}, "num_spins must be at least 1"),
        ({"num_spins": 2**31}, "num_spins must be at most"),
        ({"base": 1}, "options of the format 'interactions' must be among"),
    ],
)
def test_options_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.read(saved(tmp_path, f"{TITLE}1 0 1\n"), **options)


def test_num_spins_is_told(tmp_path: Path) -> None:
    assert ga.read(saved(tmp_path, "1 0 1 2\n"), num_spins=7).num_spins == 7
    assert ga.read(saved(tmp_path, f"{TITLE}1 0 1\n"), num_spins=3).num_spins == 3


def test_one_long_row_among_many_short_ones_takes_their_room_alone(tmp_path: Path) -> None:
    n = 200_000
    rows = [f"1 {k} {k + 1}" for k in range(n - 1)]
    start = time.process_time()
    graph = ga.read(saved(tmp_path, "\n".join([*rows, "2 " + " ".join(map(str, range(n)))])))  # no n × n table
    assert time.process_time() - start < 10
    assert graph.order == n
    assert graph.num_interactions == n


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.interactions").write_text("1 0 1 2\n-1 1 2 3\n")
    assert main(["info", "a.interactions"]) == 0
    out = capsys.readouterr().out
    assert "SpinHypergraph(4 spins, 2 interactions of 3 spins ±1, no field)" in out
    assert "width (largest separator)" in out
    assert main(["convert", "a.interactions", "b.mc"]) != 0
    assert "'interactions' holds any" in capsys.readouterr().err
    assert main(["anneal", "a.interactions", "--steps", "5", "--beta", "0.1", "1", "3", "--out", "run"]) == 0
    assert "log Z" in capsys.readouterr().out


# From incidences, as files are read.


def test_incidences_in_any_order() -> None:
    rng = np.random.default_rng(1)
    graph = HYPERGRAPHS["orders 1 to 5, dense"]
    mixed = graph.hyperedge_index[:, rng.permutation(graph.hyperedge_index.shape[1])]
    back = SpinHypergraph.from_incidences(mixed, graph.hyperedge_weight, graph.h, offset=0.5)
    assert same(back, graph)


@pytest.mark.parametrize(
    ("index", "J", "message"),
    [
        ([[0, 1], [0, 1]], [1.0], "must hold interactions 0…0, one for each J, got 1 in column 1"),
        ([[0, 1], [0, -1]], [1.0], "must hold interactions 0…0, one for each J, got -1"),
        ([[0, 1], [0, 0]], [1.0, 2.0], "hyperedge_index must have at least two sites each .*got 0 at position 1"),
        ([[0, 1], [0, 0]], 1.0, r"weights must have shape \(A,\)"),
        ([[0, 1, 0], [0, 0, 0]], [1.0], r"each site once in an interaction, got \(0, 1, 0\)"),
        ([0, 1], [1.0], r"hyperedge_index must have shape \(2, E\)"),
        ([[0.5, 1], [0, 0]], [1.0], "hyperedge_index must hold integers"),
    ],
)
def test_from_incidences_refuses(index: Any, J: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpinHypergraph.from_incidences(index, J)
