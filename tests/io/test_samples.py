"""Samples in files: what is written comes back, and what is broken is refused."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypergraphs import HYPERGRAPHS, relabelled
from small_graphs import GRAPHS

import graphar as ga
from graphar.hamiltonians.fingerprint import fingerprint

SPINS = torch.where(torch.rand(3, 5, 8, generator=torch.Generator().manual_seed(0)) < 0.5, 1, -1)
GRAPH = GRAPHS["ring with field"]


@pytest.mark.parametrize("shape", [(), (7,), (2, 3), (0,), (4, 0)])
@pytest.mark.parametrize("name", ["one spin", "ring with field", "torus", "random regular"])
def test_round_trip(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    graph, generator = GRAPHS[name], torch.Generator().manual_seed(1)
    x = torch.where(torch.rand(*shape, graph.num_spins, generator=generator) < 0.5, 1, -1)
    log_q = -torch.rand(shape, generator=generator, dtype=torch.float64)
    ga.save_samples(x.double(), tmp_path / "a.npz", graph, beta=0.1 * 3, log_prob=log_q)
    found = ga.load_samples(str(tmp_path / "a.npz"), graph)
    assert found.spins.dtype == torch.int8
    assert torch.equal(found.spins, x.to(torch.int8))
    assert found.beta == 0.1 * 3
    assert found.log_prob is not None
    assert torch.equal(found.log_prob, log_q)
    ga.save_samples(x, tmp_path / "a.npz", graph)
    plain = ga.load_samples(tmp_path / "a.npz")
    assert (plain.beta, plain.log_prob, plain.fingerprint) == (None, None, fingerprint(graph))


def test_files_are_as_documented(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    ga.save_samples(SPINS, path, GRAPH, beta=2.0, log_prob=torch.full((3, 5), -math.inf))
    with np.load(path) as arrays:
        assert sorted(arrays) == ["beta", "format", "graph", "log_prob", "shape", "spins"]
        assert arrays["format"].item() == b"graphar samples 1"
        assert arrays["shape"].tolist() == [3, 5, 8]
        bits = [[(int(byte) >> (7 - site)) & 1 for site in range(8)] for byte in arrays["spins"][:, 0]]
    assert (2 * torch.tensor(bits) - 1).equal(SPINS.reshape(15, 8))
    big = torch.ones(8000, 8)
    ga.save_samples(big, path, GRAPH)
    assert path.stat().st_size < 10_000  # a byte per configuration
    assert sorted(os.listdir(tmp_path)) == ["a.npz"]
    assert repr(ga.load_samples(path)) == "SpinSamples((8000, 8))"


def test_another_hamiltonian_is_refused(tmp_path: Path) -> None:
    ga.save_samples(SPINS, tmp_path / "a.npz", GRAPH)
    i, j, J = GRAPH.undirected()
    edges = torch.stack([i, j])
    offset = float(GRAPH.offset)
    same = ga.IsingGraph.from_edges(edges.flip(0).flip(1), J.flip(0), GRAPH.h, offset=offset)
    ga.load_samples(tmp_path / "a.npz", same)
    for other in (
        ga.IsingGraph.from_edges(edges, J * 1.01, GRAPH.h, offset=offset),
        ga.IsingGraph.from_edges(edges, J, GRAPH.h + 0.1, offset=offset),
        ga.IsingGraph.from_edges(edges, J, GRAPH.h, offset=offset + 1),
        GRAPHS["torus"],
    ):
        with pytest.raises(ValueError, match=r"a\.npz: samples of graph expected, .*another Hamiltonian"):
            ga.load_samples(tmp_path / "a.npz", other)


@pytest.mark.parametrize("name", HYPERGRAPHS)
def test_fingerprints_are_of_numbers_alone(name: str, tmp_path: Path) -> None:
    graph = HYPERGRAPHS[name]
    assert len({fingerprint(each) for each in HYPERGRAPHS.values()}) == len(HYPERGRAPHS)
    renamed, new = relabelled(graph)
    assert fingerprint(graph) == fingerprint(graph.clone())
    back = ga.SpinHypergraph.from_hyperedges(
        [tuple(new.argsort()[list(sites)].tolist()) for sites, _ in renamed.listed()],
        [J for _, J in renamed.listed()],
        renamed.h[new],
        offset=renamed.offset.item(),
    )
    assert fingerprint(back) == fingerprint(graph)
    if graph.order <= 2:
        assert fingerprint(graph.to_ising()) == fingerprint(graph)
    x = torch.ones(2, graph.num_spins)
    ga.save_samples(x, tmp_path / "x.npz", graph)
    assert torch.equal(ga.load_samples(tmp_path / "x.npz", graph).spins, x.to(torch.int8))


def test_no_byte_may_change(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    ga.save_samples(SPINS, path, GRAPH, beta=2.0, log_prob=torch.zeros(3, 5))
    whole = path.read_bytes()
    good = ga.load_samples(path)
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = ga.load_samples(path)
        except ValueError:
            refused += 1
            continue
        # bytes that zip itself passes over, such as dates
        assert torch.equal(found.spins, good.spins)
        assert found.log_prob is not None
        assert torch.equal(found.log_prob, good.log_prob)
        assert (found.beta, found.fingerprint) == (good.beta, good.fingerprint)
    assert refused > 0.6 * len(whole)
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"a\.npz: "):
            ga.load_samples(path)


def _with(path: Path, **changed: Any) -> None:
    ga.save_samples(SPINS, path, GRAPH, beta=2.0, log_prob=torch.zeros(3, 5))
    with np.load(path) as found:
        arrays = dict(found)
    arrays.update(changed)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": b"graphar samples 2"}, "format must be b'graphar samples 1', got b'graphar samples 2'"),
        ({"format": None}, "an array 'format' expected"),
        ({"log_prob": None}, "arrays must be"),
        ({"more": np.zeros(3)}, "arrays must be .*, got .*more"),
        ({"spins": None}, "arrays must be"),
        ({"graph": b"0" * 31}, "graph must be 32 hexadecimal digits"),
        ({"graph": b"g" * 32}, "graph must be 32 hexadecimal digits"),
        ({"shape": np.array([3, 5, 9])}, r"spins must have the shape \(15, 2\)"),
        ({"shape": np.array([3, 5, 7])}, "bits of 0 beyond the 7 sites"),
        ({"shape": np.array([3, -5, 8])}, "shape must be that of spins"),
        ({"shape": np.array([3, 5, 0])}, "shape must be that of spins"),
        ({"shape": np.array([2**31, 2**31, 2**31, 8])}, "spins must have the shape"),
        ({"shape": np.array([[3, 5, 8]])}, "shape must be that of spins"),
        ({"spins": np.zeros((15, 1), np.uint16)}, "spins must be uint8"),
        ({"spins": np.zeros((15, 1), np.int8)}, "spins must have the shape .* kind of u"),
        ({"beta": np.array(-1.0)}, "beta must be finite and not negative"),
        ({"beta": np.array(math.inf)}, "beta must be finite"),
        ({"beta": np.array([1.0])}, "beta must have the shape"),
        ({"log_prob": np.zeros((5, 3))}, r"log_prob must have the shape \(3, 5\)"),
        ({"log_prob": np.full((3, 5), math.nan)}, "log_prob must be numbers or -inf"),
        ({"log_prob": np.array([None])}, "log_prob must have .* a kind of f"),
        ({"log_prob": np.array(-1.0)}, r"log_prob must have the shape \(3, 5\)"),
    ],
)
def test_files_that_break_a_rule(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    _with(path, **changed)
    with pytest.raises(ValueError, match=rf"a\.npz: .*{message}"):
        ga.load_samples(path)


def test_what_expands_too_far_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    rows = 2**27
    np.savez_compressed(
        path,
        format=b"graphar samples 1",
        shape=np.array([rows, 8]),
        spins=np.zeros((rows, 1), np.uint8),
        graph=fingerprint(GRAPH).encode(),
        beta=math.nan,
        log_prob=math.nan,
    )
    with pytest.raises(ValueError, match="spins may expand to"):
        ga.load_samples(path)


def test_bad_arguments(tmp_path: Path) -> None:
    for arguments, options, message in (
        ((SPINS[..., 1:], tmp_path / "a", GRAPH), {}, "spins must have shape"),
        ((SPINS, tmp_path / "a", 3), {}, "graph must be an IsingGraph or"),
        ((SPINS, tmp_path / "a", GRAPH), {"beta": -1}, "beta must be finite"),
        ((SPINS, tmp_path / "a", GRAPH), {"log_prob": torch.zeros(15)}, r"log_prob must have shape \(3, 5\)"),
        ((SPINS, tmp_path / "a", GRAPH), {"log_prob": torch.full((3, 5), math.inf)}, "got NaN or inf"),
        ((SPINS, 3, GRAPH), {}, "path must be a string or a path"),
        ((SPINS, tmp_path, GRAPH), {}, "path must be a file"),
    ):
        with pytest.raises(ValueError, match=message):
            ga.save_samples(*arguments, **options)
    assert not os.listdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        ga.load_samples(tmp_path / "none.npz")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    with pytest.raises(ValueError, match="an array 'format' expected"):
        ga.load_samples(tmp_path / "empty.npz")
