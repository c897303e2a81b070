"""What a format cannot hold is refused, or dropped where that is asked for."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from graphar.hamiltonians import IsingGraph
from graphar.io import FORMATS, read, write

EDGE = [[0], [1]]
LOSSES = {
    "field": IsingGraph.from_edges(EDGE, 1.0, [0.5, 0]),
    "offset": IsingGraph.from_edges(EDGE, 1.0, offset=3.0),
    "zero": IsingGraph.from_edges(EDGE, 0.0),
}


def spins(n: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product((-1, 1), repeat=n)))


@pytest.mark.parametrize("format", [name for name, entry in FORMATS.items() if entry.write])
@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_is_lost_silently(tmp_path: Path, format: str, loss: str) -> None:
    refused = {
        "field": {
            "gset",
            "mc",
            "sg",
            "spin_glass_server",
            "dimacs",
            "bq",
            "biqmac",
        },  # bq: for the constant that comes with it
        "offset": {"gset", "mc", "sg", "spin_glass_server", "dimacs", "coo", "bq", "biqmac"},
        "zero": {"mc", "bq"},
    }
    graph = LOSSES[loss]
    if format in refused[loss]:
        with pytest.raises(ValueError, match="graph must have no"):
            write(graph, tmp_path / "file", format)
        assert not list(tmp_path.iterdir())
    else:
        write(graph, tmp_path / "file", format)
        back = read(tmp_path / "file", format)
        assert torch.equal(back.energy(spins(2)), graph.energy(spins(2)))
        assert (back.to_ising() if FORMATS[format].many else back).num_couplings == 1


@pytest.mark.parametrize("format", ["gset", "mc", "sg", "spin_glass_server", "dimacs", "coo", "bq", "biqmac"])
def test_constants_are_dropped_when_told(tmp_path: Path, format: str) -> None:
    write(LOSSES["offset"], tmp_path / "file", format, drop_offset=True)
    difference = read(tmp_path / "file", format).energy(spins(2)) - LOSSES["offset"].energy(spins(2))
    assert (difference == difference[0]).all()


def test_spin_glass_server_types(tmp_path: Path) -> None:
    square = [[0, 1, 2, 0], [1, 3, 3, 2]]
    write(IsingGraph.from_edges(square, -1.0), tmp_path / "a", "spin_glass_server", type="pm", name="a square")
    assert (tmp_path / "a").read_text().startswith("type: pm\nsize: 2\nname: a square\n1 2 -1\n")
    for type, graph in (("pm", IsingGraph.from_edges(square, 0.5)), ("gauss3", IsingGraph.from_edges(square))):
        with pytest.raises(ValueError, match=r"for (the type 'pm'|4 spins)"):
            write(graph, tmp_path / "b", "spin_glass_server", type=type)
