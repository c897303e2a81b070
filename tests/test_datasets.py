"""The instances of the repository: unchanged, equal to their builders, and as low as the index says."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import graphar as ga

FOLDER = Path(__file__).resolve().parents[1] / "datasets"
INDEX: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["instances"]
instances = pytest.mark.parametrize("entry", INDEX, ids=[entry["file"] for entry in INDEX])


def load_generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generate()


def test_index_lists_every_file_of_the_folder_and_the_folder_is_small() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".edges", ".gset", ".interactions")}
    assert {entry["file"] for entry in INDEX} == files == set(generate.INSTANCES)
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 320_000


def test_generate_check_passes_and_sees_a_changed_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0
    assert f"{len(INDEX)} instances, 0 wrong" in capsys.readouterr().out
    generate.write_files(tmp_path)
    assert generate.wrong_files(tmp_path) == []
    name = INDEX[0]["file"]
    (tmp_path / name).write_text((tmp_path / name).read_text() + "# changed\n")
    assert generate.wrong_files(tmp_path) == [name]


@instances
def test_file_is_what_its_builder_makes(entry: dict[str, Any]) -> None:
    path = FOLDER / entry["file"]
    assert generate.sha256(path) == entry["sha256"]
    graph, built = ga.read(path), generate.INSTANCES[entry["file"]]()
    pairs = isinstance(graph, ga.IsingGraph)
    count = graph.num_couplings if pairs else graph.num_interactions
    assert (graph.num_spins, count) == (entry["num_spins"], entry["num_couplings"])
    assert type(graph) is type(built)
    assert graph.num_spins == built.num_spins
    index, weight = ("edge_index", "edge_weight") if pairs else ("hyperedge_index", "hyperedge_weight")
    by_the_printed_call = eval(entry["call"], {"ga": ga})
    for name in (index, weight, "h", "offset"):
        assert torch.equal(graph[name], built[name])
        assert torch.equal(by_the_printed_call[name], built[name])


def spins_of(entry: dict[str, Any]) -> torch.Tensor:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(entry["ground_state"]["spins"]), np.uint8))
    assert not bits[entry["num_spins"] :].any()
    return torch.from_numpy(2 * bits[: entry["num_spins"]].astype(np.int64) - 1)


@instances
def test_the_stored_spins_have_the_stated_energy_and_no_flip_lowers_it(entry: dict[str, Any]) -> None:
    graph, spins = ga.read(FOLDER / entry["file"]), spins_of(entry)
    stated = entry["ground_state"]
    assert graph.energy(spins).item() == pytest.approx(stated["energy"], abs=1e-9)
    assert graph.flip_delta(spins).min().item() >= -1e-9
    assert stated["status"] in ("exact", "best known")


@instances
def test_log_partition_obeys_the_bounds_of_thermodynamics(entry: dict[str, Any]) -> None:
    num_spins, energy = entry["num_spins"], entry["ground_state"]["energy"]
    graph, ground = ga.read(FOLDER / entry["file"]), spins_of(entry)
    known = 2 if graph.energy(-ground) == graph.energy(ground) else 1
    points = [(value["beta"], value["value"], value["error"]) for value in entry["log_partition"]["values"]]
    for beta, value, error in points:
        # at least the ground states known, at most all states at their energy
        assert value + 4 * error >= -beta * energy + np.log(known)
        assert value <= -beta * energy + num_spins * np.log(2)
    # log Z is convex in beta and starts at N log 2 with slope 0
    betas, values = zip((0.0, num_spins * np.log(2)), *((beta, value) for beta, value, _ in points), strict=True)
    slopes = np.diff(values) / np.diff(betas)
    assert (np.diff(np.concatenate([[0.0], slopes, [-energy]])) > 0).all()


def test_smallest_instance_again_by_enumeration() -> None:
    (entry,) = (entry for entry in INDEX if entry["num_spins"] == 20)
    graph = ga.read(FOLDER / entry["file"])
    states = (torch.arange(2**20)[:, None] >> torch.arange(20)).bitwise_and_(1).mul_(2).sub_(1).to(torch.int8)
    energies = graph.energy(states)
    assert energies.min().item() == pytest.approx(entry["ground_state"]["energy"], abs=1e-9)
    for value in entry["log_partition"]["values"]:
        log_partition = torch.logsumexp(-value["beta"] * energies, 0).item()
        assert log_partition == pytest.approx(value["value"], abs=value["error"])


def test_open_lattice_again_by_the_transfer_matrix() -> None:
    (entry,) = (entry for entry in INDEX if entry["file"] == "grid2d_pm1_open_16x16.edges")
    couplings = ga.read(FOLDER / entry["file"]).to_dense().numpy()
    for value in entry["log_partition"]["values"]:
        assert transfer_matrix(couplings, 16, value["beta"]) == pytest.approx(value["value"], abs=1e-8)


def transfer_matrix(couplings: np.ndarray, width: int, beta: float) -> float:
    """log Z of an open lattice, one spin at a time: axis c of the weights is the newest spin of column c."""
    weights, log_scale = np.ones((2,) * width), 0.0
    same = np.array([[1.0, -1.0], [-1.0, 1.0]])
    for site in range(len(couplings)):
        column = site % width
        if site >= width:  # sum over the spin above; in the first row the axis is the spin itself
            above = np.exp(beta * couplings[site, site - width] * same)
            weights = np.moveaxis(np.tensordot(above, weights, axes=(1, column)), 0, column)
        if column:
            left = np.exp(beta * couplings[site, site - 1] * same)
            shape = [2 if axis in (column - 1, column) else 1 for axis in range(width)]
            weights = weights * left.reshape(shape)
        log_scale += np.log(weights.max())
        weights = weights / weights.max()
    return float(log_scale + np.log(weights.sum()))


@pytest.mark.parametrize("entry", INDEX[10:], ids=[entry["file"] for entry in INDEX[10:]])
def test_exact_values_again_by_another_way(entry: dict[str, Any]) -> None:
    graph, lowest = ga.read(FOLDER / entry["file"]), entry["ground_state"]["energy"]
    assert entry["ground_state"]["status"] == "exact"
    name, found = entry["file"], {}
    if name.startswith("wishart"):  # E = ½ xᵀ(D − J)x − ½ tr D: none lies below t if (D − J)t = 0 ≤ D − J
        planted = generate.INSTANCES[name]().planted
        assert torch.as_tensor(planted).tolist() in (spins_of(entry).tolist(), (-spins_of(entry)).tolist())
        J, spins = graph.to_dense(), spins_of(entry).double()
        aligned = spins * (J @ spins)
        assert torch.linalg.eigvalsh(torch.diag(aligned) - J)[0].item() > -1e-12
        assert -aligned.sum().item() / 2 == pytest.approx(lowest, abs=1e-12)
        return
    if name.startswith("pspin"):
        exact = ga.exact.eliminate(graph, [value["beta"] for value in entry["log_partition"]["values"]])
        assert exact.ground_energy.item() == lowest
        found = dict(zip(exact.beta.tolist(), exact.log_partition.tolist(), strict=True))
    elif isinstance(graph, ga.SpinHypergraph):
        equations = ga.exact.parities(graph)
        assert equations.ground_energy == lowest == -float(graph.hyperedge_weight.abs().sum())
        found = {value["beta"]: equations.log_partition(value["beta"]) for value in entry["log_partition"]["values"]}
    else:
        pytest.importorskip("pymatching")
        assert ga.exact.planar_ground_state(graph).energy == pytest.approx(lowest, abs=1e-9)
        found = {
            value["beta"]: ga.exact.planar(graph, value["beta"]).log_partition
            for value in entry["log_partition"]["values"]
        }
    for value in entry["log_partition"]["values"]:
        assert found[value["beta"]] == pytest.approx(value["value"], abs=2 * value["error"])


@instances
def test_readme_states_the_numbers_of_the_index(entry: dict[str, Any]) -> None:
    lines = [line for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines() if entry["file"] in line]
    text = "\n".join(line for line in lines if line.startswith("|"))
    assert entry["sha256"] in text
    assert entry["call"] in text
    assert f"{entry['ground_state']['energy']:.9g} ({entry['ground_state']['status']})" in text
    numbers = set(re.findall(r"\d+\.\d+", text))
    for value in entry["log_partition"]["values"]:
        assert (f"{value['value']:.6f}" if value["error"] < 1e-6 else f"{value['value']:.3f}") in numbers
