"""Edge lists as people bring them: separators, header rows, numbering, words; what could mean two things is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphar.hamiltonians import IsingGraph
from graphar.io import examine, read, write

NUMBERS = IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], [1.0, -0.5, 2e-3])


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def equal(a: IsingGraph, b: IsingGraph) -> bool:
    names = ("edge_index", "edge_weight", "h", "offset")
    return a.labels == b.labels and a.num_spins == b.num_spins and all(torch.equal(a[name], b[name]) for name in names)


HEADS = {",": "i,j,J", ";": "source;target;weight", "\t": "site 1\tsite 2\tJ (K)", " ": "Anna  Bertha Charlie"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("headed", [False, True])
@pytest.mark.parametrize("separator", HEADS)
@pytest.mark.parametrize("suffix", ["txt", "csv", "tsv", "dat", "edges"])
def test_separators_and_header_rows(tmp_path: Path, suffix: str, separator: str, headed: bool, end: str) -> None:
    rows = [("0", "1", "1"), ("1", "2", " -0.5"), ("2", "0", "2E-3 ")]
    lines = ["# from the laboratory", HEADS[separator]] if headed else []
    lines += [separator.join(row) for row in rows]
    path = tmp_path / f"J.{suffix}"
    path.write_bytes("".join(line + end for line in lines).encode())
    assert equal(read(path), NUMBERS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as spreadsheets begin their files
    assert equal(read(path), NUMBERS)


def test_quoted_cells(tmp_path: Path) -> None:
    assert equal(read(saved(tmp_path, "a.csv", '"i","j","J"\n"0","1",1\n"1","2","-0.5"\n"0","2",.002\n')), NUMBERS)
    graph = read(saved(tmp_path, "b.csv", '"Doe, Jane",bob,1\nbob,"the ""third""",-1\n'))
    assert graph.labels == ("Doe, Jane", "bob", 'the "third"')
    assert read(saved(tmp_path, "c.txt", '"ann lee" bob 1\n')).labels == ("ann lee", "bob")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0,1,1\n1,,2\n", "line 2: numbers separated by one ',' each expected"),
        ("0,1,1\n1 2 1\n", "line 2: numbers separated by one ',' each"),
        ("0,1,1\n1,2 1\n", "line 2: numbers separated by one ',' each"),
        ("0,1,1\n1,2,1,\n", "line 2: numbers separated by one ',' each"),
        ("0,1,1\n,,\n", "line 2: numbers separated by one ',' each"),
        ("0,1,1\n,1,2,1\n", "line 2: numbers separated by one ',' each"),
        (",i,j,J\n0,0,1,1\n", "line 1: no cell may be empty"),
        ("0;1;0,5\n", "line 1: .*'0,5' is none"),
        ("0,1,1\nalice,bob,1\n", "line 2: .*'alice' is none"),
        ("0,1,1\n0,O,1\n", "line 2: .*'O' is none"),
        ("alice bob 1\nalice 3 1\n", "line 2: sites must be words in all rows or whole numbers in all.*'3' is none"),
        ("alice bob 1\nalice nan 1\n", "line 2: sites must be words .*'nan' is none"),
        ("alice bob 1\nalice carol O.5\n", "line 2: a finite number expected at the end of the row, 'O.5' is none"),
        ("alice bob O.5\nalice carol 1\n", "line 1: the first row must be names of columns"),
        ("alice bob 1\nalice bob carol 1\n", "line 2: a row of 2 or 3 cells expected"),
        ("alice bob 1\nbob alice 1\n", "line 2: every edge must be listed once"),
        ("alice alice 1\n", "line 1: the two sites of a coupling must differ"),
        ('a.b,"c\n', "line 1: cells that are whole or in quotes"),
        ("i j\n0 1 1\n", "line 2: a row of 2 numbers expected"),
        ("i j\na b 1\n", "line 2: a row of 2 cells expected"),
        ("weight,i,j\n1,0,1\n", "line 1: columns in the order i, j, J expected"),
        ("J,i,j\n1,0,1\n", "line 1: columns in the order i, j, J expected"),
        ("0.0 1.0 1\n", "line 1: sites must be whole numbers"),
        ("0 1 1 1\n", "line 1: a line of 2 or 3 numbers"),
        ("i,j,J\n", "line 1: a finite number expected at the end of the row, 'J' is none"),
    ],
)
def test_rows_that_break_the_table(tmp_path: Path, text: str, match: str) -> None:
    path = saved(tmp_path, "a.txt", text)
    with pytest.raises(ValueError, match=match) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_text_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for data in ("alice bob 1\n".encode("utf-16"), b"alice bob 1\nb\xfcrge bob 1\n"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.txt, line [12]: "):
            read(path)


# Numbering.


def test_the_base_is_asked_where_it_is_in_doubt(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.txt", "1 2 1\n2 3 -0.5\n")
    with pytest.raises(ValueError, match=r"base must be told .*base=1, or --base 1.*got None for sites 1 to 3"):
        read(path)
    assert read(path, base=1).num_spins == 3
    assert read(path, base=0).num_spins == 4
    zero = saved(tmp_path, "b.txt", "1 2 1\n2 3 -0.5\n0 0.1\n")
    assert read(zero).num_spins == 4
    with pytest.raises(ValueError, match="line 3: sites must be whole numbers from 1"):
        read(zero, base=1)
    words = saved(tmp_path, "c.txt", "alice bob 1\n")
    with pytest.raises(ValueError, match="base must not be told where sites are words"):
        read(words, base=0)
    with pytest.raises(ValueError, match="3 sites expected, got 2 words"):
        read(words, num_spins=3)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("0 1 1\n", {}, ["sites: numbered from 0, as a site 0 is listed"]),
        ("1 2 1\n", {"base": 1}, ["sites: numbered from 1, as told"]),
        ("1 2 1\n", {"base": 0}, ["sites: numbered from 0, as told", "isolated: 1 of 3 sites are listed nowhere"]),
        ("# graphar edge list, base 1, spins 2, offset 0\n1 2 1\n", {}, ["sites: numbered from 1, as its header says"]),
        ("i,j\n0,1\n", {}, ["header row: i, j", "couplings: 1, as every row is two sites", "sites: numbered from 0"]),
        ("alice bob 1\n", {}, ["sites: words, in the order in which they appear"]),
    ],
)
def test_what_was_taken_for_granted_is_said(tmp_path: Path, text: str, options: dict, said: list[str]) -> None:
    graph, entry, remarks = examine(saved(tmp_path, "a.txt", text), **options)
    assert graph.num_couplings == 1
    assert entry.name == "edge_list"
    assert len(remarks) == len(said)
    assert all(remark.startswith(start) for remark, start in zip(remarks, said, strict=True))


# Rows of two.


@pytest.mark.parametrize(
    ("text", "couplings", "fields"),
    [
        ("0 1\n1 2\n", [1, 1], [0, 0, 0]),  # nothing but pairs of sites: J = 1
        ("0 1 2\n1 2\n", [2], [0, 2]),  # beside couplings: fields
        ("0 1\n1 2.5\n", [], [1, 2.5]),  # no site is called 2.5
        ("0 1\n1 -2\n", [], [1, -2]),
        ("site,h\n0,1\n1,2\n", [], [1, 2]),
        ("source,target\n0,1\n1,2\n", [1, 1], [0, 0, 0]),
        ("# graphar edge list, base 0, spins 2, offset 0\n0 1\n1 2\n", [], [1, 2]),
        ("a b\nb c\n", [1, 1], [0, 0, 0]),
        ("source target\na b\nb c\n", [1, 1], [0, 0, 0]),
        ("u v\nv w\n", [1, 1], [0, 0, 0]),  # names of columns, but sites here
        ("a b 2\nb 0.5\n", [2], [0, 0.5]),
        ("a 1\nb 0.5\n", [], [1, 0.5]),
        ("site h\na 1\nb 0.5\n", [], [1, 0.5]),
    ],
)
def test_rows_of_two(tmp_path: Path, text: str, couplings: list[float], fields: list[float]) -> None:
    graph = read(saved(tmp_path, "a.edges", text))
    assert graph.undirected()[2].tolist() == couplings
    assert graph.h.tolist() == fields


# Files of other formats under a suffix of everybody's.


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("3 2\n1 2 1\n2 3 -1\n", "'gset', 'mc', 'sg'"),
        ("3 2\n1 2\n2 3\n", "'gset'"),
        ("3 5\n1 2 1\n2 3 -1\n", "'gset'"),  # cut short, maybe
        ("2 3\n1 1 -2\n1 2 3\n2 2 1\n", "'bq', 'biqmac'"),
        ("# vartype=SPIN\n0 1 1\n", "'coo'"),
        ("type: pm\nsize: 2\n1 2 1\n", "'spin_glass_server'"),
        ("name: mine\n1 2 1\n", "'spin_glass_server'"),
    ],
)
@pytest.mark.parametrize("suffix", ["txt", "edges", "dat.gz"])
def test_the_format_is_asked_where_it_is_in_doubt(tmp_path: Path, text: str, named: str, suffix: str) -> None:
    import gzip

    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    for options in ({}, {"base": 0}, {"base": 1}):
        with pytest.raises(ValueError, match=rf"line 1: format must be told.*{named}"):
            read(path, **options)


def test_told_formats_are_not_asked(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.txt", "3 2\n1 2 1\n2 3 -1\n")
    assert read(path, "gset").edge_weight.sum() == 0
    assert read(path, "sg").num_couplings == 2
    listed = read(path, "edge_list", base=1)
    assert listed.h.tolist() == [0, 0, 2]
    write(listed, tmp_path / "b.txt", base=1)
    assert equal(read(tmp_path / "b.txt"), listed)
    assert read(saved(tmp_path, "c.txt", "0 3\n0 1 1\n1 2 -1\n")).h.tolist() == [3, 0, 0]  # no pair up to 0


@pytest.mark.parametrize(("suffix", "line"), [("csv", "0,1,0.5"), ("tsv.gz", "0\t1\t0.5"), ("txt", "0 1 0.5")])
def test_files_are_written_with_the_separator_of_their_suffix(tmp_path: Path, suffix: str, line: str) -> None:
    import gzip

    graph = IsingGraph.from_edges([[0], [1]], 0.5, [0, 0.25], offset=3)
    path = tmp_path / f"a.{suffix}"
    write(graph, path)
    data = path.read_bytes()
    assert line in (gzip.decompress(data) if suffix.endswith("gz") else data).decode().splitlines()
    assert equal(read(path), graph)
