"""No reader takes more than linear time, whatever repeats in a file; what took quadratic time missed this by far."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import numpy as np
import pytest

from graphar.io import FORMATS, read

LENGTH = 2**14  # a quadratic match of so many digits takes five seconds of the processor
SECONDS = 2.0
TITLE = "# graphar edge list, base 0, spins 3, offset "
REPEATED = [
    *("1", "1x", "1 ", "1,", "1;", "1.", ".", "-", "e", "1e", "a", "a ", "a,"),
    *(
        " ",
        "\t",
        "\n",
        "\r",
        "#",
        "# ",
        '"',
        '" ',
        '"1" ',
        "[",
        "type: pm\n",
        "0 1 1\n",
        "1 2\n",
        "a b\n",
        "\0",
        "\u0663",
    ),
]


def places(text: str) -> list[tuple[str, str]]:
    """The text wherever a reader looks for a number, a word, a comment or a name: (format, content)."""
    cut = [(format, f"3 1\n1 2 {text}x") for format in ("gset", "mc", "sg", "bq", "biqmac")]
    qplib = "name\nQBN\nminimize\n2\n0\n0\n0\n0\n1\n0\n0\n0\n0\n"
    return [
        *((format, text) for format in FORMATS),
        *((format, f"{text}x") for format in FORMATS),
        *cut,
        ("gset", f"{text} 1\n1 2 1\n"),
        ("mc", f"3 1\n{text} 2 1\n"),
        ("edge_list", f"0 1 {text}x"),
        ("edge_list", f"0 1 1\n{text}"),
        ("edge_list", f"alice bob {text}"),
        ("edge_list", f"alice {text} 1"),
        ("edge_list", f"{TITLE}{text}"),
        ("edge_list", f"{TITLE}1{text}x"),
        ("edge_list", f"{TITLE}0\n# labels {text}"),
        ("interactions", f"1 0 1 {text}"),
        ("interactions", f"1 0 1\n{text}"),
        ("interactions", f"# graphar interactions, spins 3, offset {text}"),
        ("interactions", f"# graphar interactions, spins 3, offset 0\n# labels {text}"),
        ("interactions", "".join(f"1 {' '.join(map(str, range(k)))}\n" for k in range(1, 100)) + text),
        *(("dimacs", f"p edge 3 1\n{line}") for line in (f"e 1 {text}", f"{text}e 1 2", f"c{text}", f"n 1 {text}")),
        ("dimacs", f"p {text} 3 1\n"),
        *(("cnf", f"p cnf 3 1\n{line}") for line in (f"1 {text}", f"{text} 1 0", f"c{text}", f"%{text}", f"x{text}")),
        ("cnf", f"p wcnf {text} 3 1\n"),
        ("cnf", f"h {text} 0"),
        ("cnf", "".join(f"{' '.join(map(str, range(1, k)))} 0\n" for k in range(1, 100)) + text),
        ("coo", f"# vartype={text}\n0 1 1\n"),
        ("coo", f"# vartype={text}vartype=SPIN\n0 1 1\n"),
        ("coo", f"# vartype=SPIN\n0 1 {text}x\n"),
        ("spin_glass_server", f"type: pm\nsize: {text}\n"),
        ("spin_glass_server", f"name: {text}\n1 2 1\n"),
        ("qplib", qplib.replace("name", text or "n")),
        ("qplib", qplib.replace("1\n0\n0\n0\n0\n", f"{text}\n0\n")),
        ("qplib", f"{qplib}1\n2 {text}\n"),
        ("qplib", f"{qplib.rsplit('0', 1)[0]}{LENGTH}\n{text}"),
    ]


@pytest.mark.parametrize("repeated", REPEATED, ids=repr)
def test_readers_take_linear_time(tmp_path: Path, repeated: str) -> None:
    path = tmp_path / "long"
    for format, content in places(repeated * (LENGTH // len(repeated))):
        path.write_text(content)
        start, message = time.process_time(), ""
        try:
            read(path, format)
        except ValueError as error:
            message = str(error)
        assert len(message) < 1000 + len(str(path))
        assert time.process_time() - start < SECONDS, (format, content[:80])


def test_time_grows_as_the_text(tmp_path: Path) -> None:
    path = tmp_path / "long.mc"
    seconds = []
    for length in (2**18, 2**22):
        path.write_text(f"2 1\n1 2 {'1' * length}x")
        start = time.process_time()
        with pytest.raises(ValueError, match="finite numbers expected"):
            read(path)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 64 * max(seconds[0], 1e-3)  # 256 if quadratic


@pytest.mark.parametrize("line", ["{} ", "c{}"])
@pytest.mark.parametrize("format", ["dimacs", "cnf"])
def test_blanks_and_comments_of_a_million_characters(tmp_path: Path, format: str, line: str) -> None:
    path = tmp_path / "a"
    content = {"dimacs": "p edge 2 1\ne 1 2\n", "cnf": "p cnf 2 1\n1 2 0\n"}[format]
    path.write_text(line.format(" \t\r" * 350_000) + "\n" + content)
    start = time.process_time()
    assert read(path, format).num_spins == 2
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("number", ["1" * 10**6, "0." + "1" * 10**6, "1e-" + "1" * 10**6, "0." + "0" * 10**6 + "1"])
def test_numbers_of_a_million_digits(tmp_path: Path, number: str) -> None:
    path = tmp_path / "a.mc"
    path.write_text(f"2 1\n1 2 {number}\n")
    start = time.process_time()
    if number[1] == "1":
        with pytest.raises(ValueError, match="line 2: finite numbers expected"):
            read(path)
    else:
        assert read(path).edge_weight[0] == -float(number)
    assert time.process_time() - start < SECONDS


def test_members_of_gzip_without_content(tmp_path: Path) -> None:
    path = tmp_path / "a.mc.gz"
    path.write_bytes(gzip.compress(b"2 1\n1 2 1\n") + gzip.compress(b"") * 20_000)
    start = time.process_time()
    assert read(path).num_couplings == 1
    assert time.process_time() - start < SECONDS


def test_archives_of_many_names(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **{f"x{k}": np.zeros(0) for k in range(2000)})
    with pytest.raises(ValueError, match="an array 'format' expected") as caught:
        read(path)
    assert len(str(caught.value)) < 300 + len(str(path))
    np.savez(path, format=np.array(b"x" * 10**6))
    with pytest.raises(ValueError, match="format must be csr, csc or coo") as caught:
        read(path)
    assert len(str(caught.value)) < 300 + len(str(path))
