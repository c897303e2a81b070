"""Files that are wrong are refused at once, by name and line, in little memory; those that are right round-trip."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.io import FORMATS, read, write

# (format, text, what the message says); the line is the one that is wrong
BROKEN = {
    "empty gset": ("gset", "", "line 1: the numbers of spins and of couplings expected, got the end of the file"),
    "empty qplib": ("qplib", "", "line 1: the name of the problem expected"),
    "empty coo": ("coo", "", "vartype must be told"),
    "empty edges": ("edge_list", "", "base must be told"),
    "comments alone": ("mc", "# 3 1\n# 1 2 1\n", "line 2: .* got the end of the file"),
    "huge count of spins": (
        "gset",
        "1000000000000 1\n1 2 1\n",
        "line 1: from 1 to 1048576 spins .* got '1000000000000 1'",
    ),
    "huge count of lines": ("mc", "3 1000000000000\n1 2 1\n", "line 2: 1000000000000 lines .* got 1 before the end"),
    "huge number": ("mc", "9" * 5000 + " 1\n1 2 1\n", "line 1: the numbers of spins"),
    "huge site": ("edge_list", "# graphar edge list, base 0, spins 3, offset 0\n0 1000000000000 1\n", "line 2: sites"),
    "huge site alone": ("coo", "# vartype=SPIN\n0 1 1\n0 1000000000000 1\n", "line 3: sites must be whole numbers"),
    "huge size": ("spin_glass_server", "type: pm3\nsize: 10000\n1 2 1\n", "line 2: from 1 to 1048576 spins"),
    "no spins": ("sg", "0 0\n", "line 1: from 1 to"),
    "negative count": ("sg", "-3 1\n1 2 1\n", "line 1"),
    "truncated": ("sg", "3 2\n1 2 1\n", "line 2: 2 lines of numbers promised, got 1 before the end"),
    "truncated line": ("gset", "3 2\n1 2 1\n2 3\n", "line 3: all lines must have weights, or none, got '2 3'"),
    "truncated edges": (
        "edge_list",
        "# graphar edge list, base 0, spins 3, couplings 2, fields 0, offset 0\n0 1 1\n",
        "line 2: 2 couplings and 0 fields promised, got 1 and 0",
    ),
    "trailing garbage": ("gset", "3 1\n1 2 1\n\n2 3 1\n", "line 4: end of the file expected, got '2 3 1'"),
    "trailing words": ("bq", "3 1\n1 2 1\nthe end\n", "line 3: end of the file expected, got 'the end'"),
    "nan": ("mc", "3 2\n1 2 1\n2 3 nan\n", "line 3: .*'nan'"),
    "inf": ("bq", "3 1\n2 3 -inf\n", "line 2: .*'-inf'"),
    "overflow": ("sg", "3 1\n2 3 1e999\n", "line 2: .*'1e999'"),
    "overflow of a sum": (
        "bq",
        "3 3\n1 1 1.7e308\n2 2 1.7e308\n3 3 1.7e308\n",
        "must be finite",
    ),
    "overflow doubled": ("biqmac", "2 1\n1 2 1.7e308\n", "line 2: entries must be finite when doubled"),
    "duplicate": ("mc", "3 3\n1 2 1\n2 3 1\n2 1 1\n", "line 4: every pair must be listed once, got '2 1 1'"),
    "duplicate entry": ("bq", "3 2\n1 2 1\n1 2 1\n", "line 3: every entry must be listed once"),
    "duplicate field": (
        "edge_list",
        "# graphar edge list, base 1, spins 3, offset 0\n1 1\n1 2\n",
        "line 3: every field",
    ),
    "out of range": ("gset", "3 1\n1 4 1\n", "line 2: sites must be whole numbers from 1 to 3, got '1 4 1'"),
    "0-based": ("gset", "3 1\n0 1 1\n", "line 2: sites must be whole numbers from 1 to 3"),
    "self-loop": ("mc", "3 1\n2 2 1\n", "line 2: the two sites of a coupling must differ"),
    "real site": ("mc", "3 1\n1.0 2 1\n", "line 2: sites must be whole numbers"),
    "exponent as a site": ("mc", "3 1\n1e0 2 1\n", "line 2: sites must be whole numbers"),
    "too many columns": ("mc", "3 1\n1 2 1 1\n", "line 2: a line of 3 numbers expected, got '1 2 1 1'"),
    "two numbers in one": ("mc", "3 1\n1 2 1-1\n", "line 2: .*'1-1'"),
    "two points": ("mc", "3 1\n1 2 1.2.3\n", "line 2: .*'1.2.3'"),
    "bare exponent": ("mc", "3 1\n1 2 1e\n", "line 2: .*'1e'"),
    "underscore": ("mc", "3 1\n1 2 1_0\n", "line 2: .*'1_0'"),
    "foreign digits": ("mc", "3 1\n1 2 \u0663\n", "line 2: .*'\u0663'"),
    "foreign space": ("mc", "3 1\n1 2\u00a01\n", "line 2"),
    "zero byte": ("mc", "3 1\n1 2 \0\n", "line 2"),
    "header of ours broken": ("edge_list", "# graphar edge list, base 2, spins 3, offset 0\n", "line 1: a header like"),
    "unknown type": ("spin_glass_server", "type: rrg\nsize: 3\n", "line 1: type must be one of pm, gauss"),
    "type twice": ("spin_glass_server", "type: pm\ntype: pm\n", "line 2: one line each"),
    "type alone": ("spin_glass_server", "type: pm\n1 2 1\n", "type and size must come together"),
    "not plus-minus": ("spin_glass_server", "type: pm\nsize: 2\n1 2 0.5\n", "line 3: couplings of the type pm must be"),
    "constraints": ("qplib", "a\nQBL\nminimize\n2\n", "line 2: type of an unconstrained binary problem"),
    "sense": ("qplib", "a\nQBN\noptimize\n2\n", "line 3: minimize or maximize expected, got 'optimize'"),
    "constant": ("qplib", "a\nQBN\nminimize\n2\n0\n0\n0\nnan\n", "line 8: the constant of the objective"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_name_file_line_and_rule(tmp_path: Path, case: str) -> None:
    format, text, match = BROKEN[case]
    path = tmp_path / "broken.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=match) as caught:
        read(path, format)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_the_line_is_found_far_down_the_file(tmp_path: Path) -> None:
    count = 300_000  # over several blocks
    lines = [f"{i} {i + 1} 0.5" for i in range(1, count)]
    lines[-7] = lines[-7].replace("0.5", "O.5")
    path = tmp_path / "long.mc"
    path.write_text(f"# comment\n{count} {count - 1}\n" + "\n".join(lines))
    with pytest.raises(ValueError, match=f"line {count - 5}: .*'O.5'"):
        read(path)
    path.write_text(path.read_text().replace("O.5", "0.5"))
    assert read(path).num_couplings == count - 1


def peak(path: Path, format: str | None = None, *, match: str) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=match):
            read(path, format)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_claims_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "claim.txt"
    path.write_text("1000000000000 1000000000000\n1 2 1\n")
    for format in ("gset", "mc", "sg", "bq", "biqmac"):
        assert peak(path, format, match="spins can be claimed") < 2**20


def test_many_isolated_spins(tmp_path: Path) -> None:
    sparse = IsingGraph.from_edges([[0], [1]], num_nodes=2**20)
    write(sparse, tmp_path / "a.mc")
    assert read(tmp_path / "a.mc").num_spins == 2**20
    sparser = IsingGraph.from_edges([[0], [1]], num_nodes=2**20 + 1)
    with pytest.raises(ValueError, match="may claim"):
        write(sparser, tmp_path / "b.mc")
    write(sparser, tmp_path / "b.npz")
    assert read(tmp_path / "b.npz").num_spins == 2**20 + 1


def test_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b"# " + np.random.default_rng(0).bytes(300).hex().encode() + b"\n2 1\n1 2 1\n")
    path = tmp_path / "a.mc.gz"
    path.write_bytes(whole)
    assert read(path).num_spins == 2
    for damaged in (whole[:-9], whole[:100], whole[:-4] + b"\0\0\0\0", whole + b"more", whole[:2]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="a whole gzip file expected"):
            read(path)
    path.write_bytes(b"2 1\n1 2 1\n")
    with pytest.raises(ValueError, match="a gzip file expected"):
        read(path)


@pytest.mark.parametrize(("text", "match"), [(b"\0", "bytes of 0"), (b"1 2 1\n", "may expand to")])
def test_gzip_bombs(tmp_path: Path, text: bytes, match: str) -> None:
    path = tmp_path / "bomb.mc.gz"
    path.write_bytes(gzip.compress(text * (2**27 // len(text)), compresslevel=1))
    assert peak(path, match=match) < 2**26 + 2**24


def npz(path: Path, **changes: Any) -> Path:
    scipy.sparse.save_npz(path, scipy.sparse.csr_array(np.array([[0, 1.0], [0, 0]])))
    with np.load(path) as old:
        arrays = {name: old[name] for name in old.files} | changes
    np.savez_compressed(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"shape": np.array([10**12, 10**12])}, "indptr must have the shape"),
        ({"shape": np.array([2, 3])}, "square"),
        ({"data": np.array([1.0, 2.0])}, "data must have the shape"),
        ({"data": np.array([np.nan])}, "finite"),
        ({"data": np.array([1j])}, "data must have"),
        ({"data": np.array([{}], dtype=object)}, "data must have"),
        ({"indices": np.array([2])}, "indices must be"),
        ({"indices": np.array([-1])}, "indices must be"),
        ({"indptr": np.array([0, 2, 1])}, "indptr must rise"),
        ({"indptr": None}, "an array 'indptr' expected"),
        ({"format": np.array(b"dia")}, "format must be csr, csc or coo"),
        ({"h": np.ones(3)}, "h must have the shape"),
        ({"h": np.array([0, np.inf])}, "finite"),
        ({"offset": np.array(np.nan)}, "finite"),
        ({"pos": np.ones((3, 2))}, "pos must have shape"),
        ({"indices": np.array([1, 1]), "data": np.ones(2), "indptr": np.array([0, 2, 2])}, "listed once"),
    ],
)
def test_broken_npz(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.npz: .*{match}"):
        read(npz(tmp_path / "a.npz", **changes))


def test_npz_bombs(tmp_path: Path) -> None:
    zeros = np.zeros(2**24, dtype=np.int32)
    coo = {"format": b"coo", "row": zeros, "col": zeros, "data": np.zeros(2**24), "indices": None, "indptr": None}
    assert peak(npz(tmp_path / "a.npz", **coo), match="row may expand") < 2**20
    claim = {"format": b"coo", "row": np.array([0]), "col": np.array([1]), "shape": np.array([10**12, 10**12])}
    assert peak(npz(tmp_path / "b.npz", **claim), match="spins can be claimed") < 2**20
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:  # a header that claims more than there is
        header = b"{'descr': '|S999999999', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"
        archive.writestr("format.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert peak(tmp_path / "c.npz", match="must fill its place") < 2**20


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, format=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="format must have"):
        read(path)


# Laws over random graphs and random damage.

modest = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
dyadic = st.integers(-64, 64).map(lambda number: number / 8)  # whose sums are exact
SUM_FORMATS = {"bq", "biqmac", "qplib"}
FORMULA = b"c three clauses\np wcnf 3 3 10\n10 1 -3 0\n4 2 3 -1 0\n2 -2\n0\n"
WRITTEN = [name for name, entry in FORMATS.items() if entry.write]


@st.composite
def graphs(draw: st.DrawFn, format: str) -> IsingGraph:
    """Graphs that the format can hold."""
    n = draw(st.integers(1, 7))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    numbers = dyadic if format in SUM_FORMATS else finite
    if format in ("mc", "bq"):
        numbers = numbers.filter(bool)
    weights = draw(st.lists(numbers, min_size=len(edges), max_size=len(edges)))
    fields = format in ("edge_list", "npz", "coo", "bq", "biqmac", "qplib", "interactions")
    kind = dyadic if format in SUM_FORMATS else finite
    h = draw(st.lists(kind, min_size=n, max_size=n)) if fields else None
    offset = draw(kind) if format in ("edge_list", "npz", "qplib", "interactions") else 0.0
    if format in ("bq", "biqmac"):  # xᵀQx is 0 where every spin is −1
        offset = sum(weights) - sum(h or [])
    return IsingGraph.from_edges(np.array(edges, dtype=int).reshape(-1, 2).T, weights, h, n, offset=offset)


def equal(a: IsingGraph | SpinHypergraph, b: IsingGraph) -> bool:
    a = a.to_ising() if isinstance(a, SpinHypergraph) else a
    names = ("edge_index", "edge_weight", "h", "offset")
    return a.num_spins == b.num_spins and all(torch.equal(a[name], b[name]) for name in names)


@pytest.mark.parametrize(
    ("format", "packed"),
    [*((name, False) for name in WRITTEN), *((name, True) for name in WRITTEN if name != "npz")],
)
def test_round_trips_are_exact(tmp_path: Path, format: str, packed: bool) -> None:
    @modest
    @given(graphs(format))
    def law(graph: IsingGraph) -> None:
        path = tmp_path / ("file.gz" if packed else "file")
        write(graph, path, format)
        assert equal(read(path, format), graph)

    law()


@modest
@given(graphs("edge_list"), st.sampled_from([0, 1]))
def test_edge_lists_round_trip_in_both_bases(tmp_path: Path, graph: IsingGraph, base: int) -> None:
    write(graph, tmp_path / "a.edges", base=base)
    assert equal(read(tmp_path / "a.edges"), graph)
    assert equal(read(tmp_path / "a.edges", base=base, num_spins=graph.num_spins), graph)


@modest
@given(graphs("qplib"))
def test_binary_coo_round_trips(tmp_path: Path, graph: IsingGraph) -> None:
    write(graph, tmp_path / "a.coo", vartype="BINARY", drop_offset=True)
    back = read(tmp_path / "a.coo")
    back.offset = graph.offset
    assert equal(back, graph)


@pytest.mark.parametrize("format", ["bq", "biqmac"])
def test_rounding_is_no_constant(tmp_path: Path, format: str) -> None:
    rng = np.random.default_rng(1)
    Q = rng.normal(size=(40, 40))
    graph = IsingGraph.from_qubo(Q)
    write(graph, tmp_path / "a", format)
    s = torch.as_tensor(rng.choice([-1, 1], size=(20, 40)))
    torch.testing.assert_close(read(tmp_path / "a", format).energy(s), graph.energy(s), rtol=1e-12, atol=1e-12)


def only_value_errors(path: Path, format: str, **options: Any) -> None:
    try:
        graph = read(path, format, **options)
    except ValueError:
        return
    graph.validate()


@pytest.mark.parametrize("format", FORMATS)
def test_garbage_raises_value_errors_alone(tmp_path: Path, format: str) -> None:
    options: dict[str, Any] = {"edge_list": {"base": 0}, "coo": {"vartype": "BINARY"}}.get(format, {})
    words = st.sampled_from(
        ["0", "1", "2", "3", "-1", "1.5", "1e5", "nan", "-", ".", "#", "x", "type:", "\n", "\n", "\x1c"]
    )

    @modest
    @given(st.one_of(st.binary(max_size=80), st.lists(words, max_size=30).map(lambda parts: " ".join(parts).encode())))
    def law(data: bytes) -> None:
        path = tmp_path / "garbage"
        path.write_bytes(data)
        only_value_errors(path, format, **options)

    law()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("format", FORMATS)
def test_damage_raises_value_errors_alone(tmp_path: Path, format: str, packed: bool) -> None:
    good = tmp_path / ("good.gz" if packed and format != "npz" else "good")
    graph = IsingGraph.from_edges([[0, 1, 2], [1, 2, 3]], [1.0, -1.0, 1.0], num_nodes=5)
    options = {"drop_offset": True} if format in ("bq", "biqmac") else {}
    if format in WRITTEN:
        write(graph, good, format, **options)
    else:
        good.write_bytes(gzip.compress(FORMULA) if packed else FORMULA)
    data = good.read_bytes()

    @modest
    @given(st.integers(0, len(data) - 1), st.integers(0, 12), st.binary(max_size=6))
    def law(at: int, removed: int, added: bytes) -> None:
        path = tmp_path / good.name.replace("good", "bad")
        path.write_bytes(data[:at] + added + data[at + removed :])
        only_value_errors(path, format)

    law()
