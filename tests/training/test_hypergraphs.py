"""Many-body spins in what trains and judges models: annealing, files, bounds, comparisons, the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import graphar as ga
from graphar._support.files import read_state, write_state
from graphar.cli import main
from graphar.exact.automatic import cheapest_log_partition
from graphar.training.state import CHECKPOINT, FORMAT

TRIPLES = ga.random_hypergraph(18, 3, degree=3, couplings="gaussian", field=0.1, seed=1)
SHORT = {"steps": 20, "warmup": 10, "batch_size": 64, "seed": 0, "progress": False}


@pytest.mark.parametrize("options", [{}, {"exact_width": 4}, {"radius": 1}])
def test_annealing_bounds_the_free_energy(options: dict[str, int]) -> None:
    model = ga.Autoregressive(TRIPLES, ga.heads.MLP(8), **options)
    run = ga.anneal(model, [0.2, 0.4], **SHORT)
    exact = ga.exact.enumerate(TRIPLES, 0.4)
    result = ga.free_energy(model.at(0.4), 2000, seed=0)
    two = ga.two_sided_bound(model.at(0.4), exact.sample(2000, seed=1), 2000)
    assert result.bound.value > exact.free_energy - 4 * result.bound.stderr
    assert two.lower.value - 4 * two.lower.stderr < exact.free_energy < two.upper.value + 4 * two.upper.stderr
    assert abs(result.log_partition.value - exact.log_partition) < 5 * result.log_partition.stderr + 1e-6
    assert run.best_energy == pytest.approx(float(TRIPLES.energy(run.best_spins)))


def test_training_makes_it_better() -> None:
    model = ga.Autoregressive(TRIPLES, ga.heads.MLP(8))
    before = ga.free_energy(model.at(0.5), 2000, seed=0).bound.value
    ga.anneal(model, [0.3, 0.5], **SHORT | {"steps": 100})
    after, exact = ga.free_energy(model.at(0.5), 2000, seed=0).bound.value, ga.exact.enumerate(TRIPLES, 0.5)
    assert after - exact.free_energy < 0.5 * (before - exact.free_energy)


def test_resuming_equals_never_stopping(tmp_path: Path) -> None:
    whole = ga.Autoregressive(TRIPLES)
    ga.anneal(whole, [0.2, 0.4], **SHORT)
    part = ga.Autoregressive(TRIPLES)
    path = tmp_path / "run.pt"
    ga.anneal(part, [0.2, 0.4], **SHORT, checkpoint=path, callbacks=[lambda run: len(run.history) == 1])
    again = ga.load(path)
    assert again.graph.listed() == TRIPLES.listed()
    ga.anneal(again, [0.2, 0.4], **SHORT, checkpoint=path, resume=path)
    assert torch.equal(again.head.weight, whole.head.weight)


def test_files_hold_edges_or_interactions(tmp_path: Path) -> None:
    ga.save(ga.Autoregressive(TRIPLES), tmp_path / "model.pt")
    state = read_state(tmp_path / "model.pt", FORMAT, CHECKPOINT)
    index = state["graph"].pop("hyperedge_index")
    write_state(tmp_path / "none.pt", state)
    with pytest.raises(ValueError, match=r"graph: must hold one of edge_index and hyperedge_index, got none"):
        ga.load(tmp_path / "none.pt")
    state["graph"] |= {"hyperedge_index": index, "edge_index": index}
    write_state(tmp_path / "both.pt", state)
    with pytest.raises(ValueError, match=r"must hold one of edge_index and hyperedge_index, got \["):
        ga.load(tmp_path / "both.pt")


def test_comparisons_have_exact_references() -> None:
    heads = {"linear": ga.heads.Linear, "network": ga.heads.MLP(4), "model": ga.Autoregressive(TRIPLES)}
    result = ga.compare(TRIPLES, heads, beta=[0.3], **{**SHORT, "steps": 2, "warmup": 0})
    assert abs(result.log_partition[0] - ga.exact.enumerate(TRIPLES, 0.3).log_partition) < 1e-9
    assert all(result.errors(name)[0] > 0 for name in heads)
    other = ga.Autoregressive(ga.random_hypergraph(18, 3, degree=3, seed=2))
    with pytest.raises(ValueError, match="must be a model on this graph"):
        ga.compare(TRIPLES, {"other": other}, beta=[0.3], progress=False)


@pytest.mark.parametrize(
    ("graph", "label"),
    [
        (ga.newman_moore(4), "log Z by enumeration"),
        (ga.random_hypergraph(40, 3, mean_degree=1.0, seed=1), "log Z by elimination"),
        (ga.SpinHypergraph.from_ising(ga.curie_weiss(30)), "log Z by the sum over M"),
        (ga.newman_moore(64), "log Z by linear algebra over GF(2)"),
        (ga.random_hypergraph(400, 3, degree=6, seed=1), None),
    ],
)
def test_the_cheapest_reference(graph: ga.SpinHypergraph, label: str | None) -> None:
    found = cheapest_log_partition(graph, [0.5])
    assert (None if found is None else found[1]) == label
    if label is not None and "over M" not in label:
        assert abs(found[0][0] - ga.exact.parities(graph).log_partition(0.5)) < 1e-9 * abs(found[0][0])


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    ga.write(TRIPLES, tmp_path / "triples.interactions")
    assert main(["info", "triples.interactions", "--picture", "order.png"]) == 0
    out = capsys.readouterr().out
    assert "messages (arrivals)" in out
    assert Path("order.png").read_bytes().startswith(b"\x89PNG")
    short = ["--beta", "0.2", "0.4", "2", "--steps", "4", "--warmup", "2", "--batch-size", "32", "--samples", "300"]
    assert main(["anneal", "triples.interactions", *short, "--out", "run", "--exact-width", "4"]) == 0
    summary = json.loads(Path("run/summary.json").read_text())
    spins = torch.tensor([1 if letter == "+" else -1 for letter in summary["best_spins"]])
    assert float(TRIPLES.energy(spins)) == pytest.approx(summary["best_energy"])
    assert summary["exact"]["log_partition"] == pytest.approx(ga.exact.enumerate(TRIPLES, 0.4).log_partition)
    assert main(["sample", "run", "-n", "20", "--out", "spins.npz"]) == 0
    assert main(["anneal", "newman_moore:3", *short, "--out", "other", "--head", "message_passing"]) == 2
    assert "to_pairwise()" in capsys.readouterr().err
