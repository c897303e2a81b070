"""Training of shared weights on many graphs, and fine-tuning on one."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.data import Batch

import graphar as ga
from graphar._support.group import LONE
from graphar.heads import MessagePassing, MessageWeights
from graphar.heads.message_passing.rule import MessageRule
from graphar.training.transfer import many

TRAIN = ga.InstanceDataset("random_regular", sizes=(12, 16), num_graphs=6, degree=3, couplings="gaussian", seed=0)
HELD_OUT = ga.InstanceDataset(
    "random_regular", sizes=14, num_graphs=4, degree=3, couplings="gaussian", split="validation", seed=0
)
HEAD = MessagePassing(radius=3, rounds=2, refresh="return", hidden=4)
SHORT: dict[str, Any] = {
    "validation": HELD_OUT, "steps": 8, "evaluate_every": 4, "graphs_per_step": 3, "batch_size": 64, "beta": (0.5, 1.5),
    "progress": False,
}  # fmt: skip


def perturbed(hidden: int = 4) -> MessageWeights:
    rule = MessageRule(hidden, torch.Generator().manual_seed(0), torch.float64)
    generator = torch.Generator().manual_seed(1)
    tensors = {
        name: value + 0.2 * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in rule.state_dict().items()
    }
    return MessageWeights(tensors, {"made": "by hand"})


@pytest.mark.parametrize("objective", ["variational", "maximum_likelihood"])
def test_training_lowers_the_free_energy_of_graphs_held_out(objective: str) -> None:
    options = SHORT | {"steps": 60, "evaluate_every": 20, "learning_rate": 0.02, "batch_size": 256}
    result = ga.pretrain(TRAIN, HEAD, objective=objective, **options)
    first = result.history[0]
    assert result.best < first.bound - 3 * first.stderr
    assert result.best == min(record.bound for record in result.history)
    assert [record.step for record in result.history] == [0, 20, 40, 60]
    for head, expected in ((MessagePassing(3, 2, "return"), first.bound), (result.head, result.best)):
        models = [ga.Autoregressive(graph, head, ga.nested_dissection) for graph in HELD_OUT]
        betas = (0.5 + many.GOLDEN * torch.arange(1, 5) % 1).tolist()
        bounds = [ga.free_energy(model.at(beta), 4000, seed=0) for model, beta in zip(models, betas, strict=True)]
        assert sum(f.beta * f.bound.value for f in bounds) / 56 == pytest.approx(expected, abs=4 * first.stderr)


def test_gradients_of_a_step_are_those_of_each_graph_by_itself() -> None:
    graphs, betas = [TRAIN[0], TRAIN[1], TRAIN[2]], torch.tensor([0.6, 0.9, 1.2])
    rule = MessageRule(4, torch.Generator().manual_seed(0), torch.float32)
    rule.load_state_dict(perturbed().tensors)
    generator = torch.Generator().manual_seed(5)
    batch = Batch.from_data_list(graphs)
    many.variational(batch, betas, rule, HEAD, ga.natural, 200, generator, LONE)
    together = [parameter.grad.clone() for parameter in rule.parameters()]

    # the same samples: the union draws with its own order and sites
    model = ga.Autoregressive(many.disjoint_union(batch, betas), HEAD, ga.natural)
    model.head.rule = rule
    spins = model.at(1.0).sample(200, generator=torch.Generator().manual_seed(5))
    rule.zero_grad()
    for graph, beta, x in zip(graphs, betas.tolist(), spins.split([12, 16, 12], dim=1), strict=True):
        alone = ga.Autoregressive(graph, HEAD, ga.natural)
        alone.head.rule = rule
        log_q = alone.at(beta).log_prob(x)
        loss = log_q.detach() + beta * graph.energy(x)
        (((loss - loss.mean()) / (199 * loss.std())) @ log_q).backward()
    for one, parameter in zip(together, rule.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=1e-3, atol=1e-5)


def test_maximum_likelihood_takes_the_samples_that_are_given() -> None:
    asked = []

    def upright(graph: ga.IsingGraph, beta: float, count: int, generator: torch.Generator) -> torch.Tensor:
        asked.append((graph.num_spins, count, 0.5 <= beta <= 1.5))
        return torch.ones(count, graph.num_spins)

    ga.pretrain(TRAIN, HEAD, objective="maximum_likelihood", samples=upright, **SHORT | {"steps": 2})
    assert len(asked) == 6
    assert {count for _, count, _ in asked} == {64}
    assert all(inside for _, _, inside in asked)


def test_same_seed_same_weights_and_resuming_changes_nothing(tmp_path: Path) -> None:
    whole = ga.pretrain(TRAIN, HEAD, **SHORT)
    again = ga.pretrain(TRAIN, HEAD, **SHORT)
    file = tmp_path / "pretraining.pt"
    stopped: list[int] = []

    def interrupt(graph: Any, beta: float, count: int, generator: torch.Generator) -> torch.Tensor:
        stopped.append(1)
        if len(stopped) == 14:  # in the fifth step of three graphs
            os.kill(os.getpid(), signal.SIGINT)
        return many.exact_samples(graph, beta, count, generator)

    options = SHORT | {"objective": "maximum_likelihood"}
    expected = ga.pretrain(TRAIN, HEAD, **options)
    part = ga.pretrain(TRAIN, HEAD, samples=interrupt, checkpoint=file, **options)
    assert (part.interrupted, part.step) == (True, 5)
    assert "interrupted 5/8" in repr(part)
    resumed = ga.pretrain(TRAIN, HEAD, resume=file, **options)
    assert resumed.history == expected.history
    for one, other in ((whole, again), (resumed, expected)):
        assert one.best == other.best
        for name, value in one.best_tensors.items():
            assert torch.equal(value, other.best_tensors[name])
    with pytest.raises(ValueError, match="differ in seed"):
        ga.pretrain(TRAIN, HEAD, resume=file, **options | {"seed": 1})
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        ga.pretrain(TRAIN, HEAD, resume=file, **options)


def test_patience_ends_training_early() -> None:
    options = SHORT | {"steps": 100, "evaluate_every": 1, "learning_rate": 1e-12}
    result = ga.pretrain(TRAIN, HEAD, patience=3, **options)
    assert result.stopped_early
    assert result.step < 20
    assert "stopped early" in repr(result)


def test_weights_load_on_any_graph_by_file(tmp_path: Path) -> None:
    weights = perturbed()
    weights.save(tmp_path / "mine.json")
    again = MessageWeights.load(tmp_path / "mine.json")
    assert again.about == {"made": "by hand"}
    assert again.hidden == 4
    for graph in (ga.grid((4, 4), seed=0), ga.random_regular(20, degree=5, seed=0)):
        one, other = (
            ga.Autoregressive(graph, MessagePassing(radius=3, weights=source), dtype=torch.float64)
            for source in (weights, tmp_path / "mine.json")
        )
        x = one.at(0.5).sample(10, seed=0)
        assert torch.equal(one.at(0.5).log_prob(x), other.at(0.5).log_prob(x))
    model = ga.Autoregressive(graph, MessagePassing(radius=3, weights=weights))
    ga.save(model, tmp_path / "model.pt")
    loaded = ga.load(tmp_path / "model.pt")
    assert torch.equal(loaded.at(0.5).log_prob(x), model.at(0.5).log_prob(x))


@pytest.mark.filterwarnings("ignore:effective sample size")
@pytest.mark.parametrize("name", MessageWeights.names())
def test_shipped_weights_are_small_say_how_they_were_made_and_help(name: str) -> None:
    from importlib import resources

    file = resources.files("graphar.heads.message_passing") / "pretrained" / f"{name}.json"
    assert len(file.read_bytes()) < 2**20
    weights = MessageWeights.load(name)
    assert {"command", "scores"} <= set(weights.about)
    head = MessagePassing(weights=name)
    couplings, gain = name.rsplit("_", 1)[1], 0.0
    for seed in range(4):
        graph = ga.random_regular(80, degree=3 if "_3_" in name else 5, couplings=couplings, seed=seed)
        if name.startswith("grid"):
            graph = ga.grid((9, 9), couplings=couplings, seed=seed)
        plain, learned = (
            ga.free_energy(ga.Autoregressive(graph, one, ga.nested_dissection).at(2.0), 1000, seed=0).bound
            for one in (MessagePassing(*head.schedule), head)
        )
        gain += plain.value - learned.value
    assert gain > 0


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    perturbed().save(good)
    content = json.loads(good.read_text())
    bad = tmp_path / "bad.json"
    with pytest.raises(ValueError, match=r"weights must be one of .* or a file, got 'nowhere\.json'"):
        MessageWeights.load("nowhere.json")
    for text, message in (
        (good.read_text()[:300], "in JSON"),
        ("[]", "something else"),
        ("[" * 10**5, "in JSON"),
        (json.dumps(content | {"format": "other"}), "something else"),
        (json.dumps(content | {"weights": {"message_gates.bias": "x"}}), "lists of numbers"),
        (json.dumps(content | {"weights": {"message_gates.bias": [1.0]}}), "must be those of a MessageRule"),
        (good.read_text().replace(str(content["weights"]["message_gates.bias"][0]), "NaN"), "finite"),
    ):
        bad.write_text(text)
        with pytest.raises(ValueError, match=message) as caught:
            MessageWeights.load(bad)
        assert str(bad) in str(caught.value)
    with pytest.raises(ValueError, match="hidden must be that of weights, 4, got 3"):
        MessagePassing(hidden=3, weights=good)


def test_fine_tuning_begins_with_messages_and_ends_below() -> None:
    graph = ga.random_regular(48, degree=3, couplings="pm1", seed=3)
    weights = perturbed()
    model, run = ga.fine_tune(graph, MessagePassing(radius=4, weights=weights), beta=1.5, steps=60, progress=False)
    assert model.head_config == MessagePassing(radius=4, linear=True, weights=weights)
    assert model.head_config != MessagePassing(radius=4, linear=True, hidden=4)
    for name, value in model.head.rule.state_dict().items():
        assert torch.equal(value, weights.tensors[name].float())
    untrained = ga.Autoregressive(graph, MessagePassing(radius=4, weights=weights), ga.nested_dissection)
    with pytest.warns(UserWarning, match="effective sample size"):
        before = ga.free_energy(untrained.at(1.5), 1000, seed=0).bound
    assert run.history[-1].bound < before.value - 5 * before.stderr
    model, _ = ga.fine_tune(graph, weights, beta=1.5, steps=2, shared=True, progress=False)
    assert any(
        not torch.equal(value, weights.tensors[name].float()) for name, value in model.head.rule.state_dict().items()
    )
    dialled, _ = ga.fine_tune(graph, beta=1.0, steps=3, exact_width=4, linear_radius=3, progress=False)
    assert dialled.exact_width == 4
    assert dialled.frontier.radius == 3


def test_weights_bring_the_schedule_that_they_were_trained_with() -> None:
    result = ga.pretrain(TRAIN, HEAD, **SHORT | {"steps": 1})
    head = MessagePassing(weights=result.weights)
    assert (head.radius, head.rounds, head.refresh) == (3, 2, "return")
    assert MessagePassing(radius=5, weights=result.weights).radius == 5
    assert MessagePassing(weights=perturbed()).radius == MessagePassing().radius == 10
    assert head != MessagePassing(3, 2, "return", weights=perturbed())
    assert head == result.head


def test_frozen_weights_stay_frozen_on_disk(tmp_path: Path) -> None:
    graph = ga.random_regular(12, degree=3, couplings="pm1", seed=3)
    model, _ = ga.fine_tune(graph, perturbed(), beta=1.0, steps=1, progress=False)
    ga.save(model, tmp_path / "model.pt")
    frozen = [name for name, weight in ga.load(tmp_path / "model.pt").named_parameters() if not weight.requires_grad]
    assert frozen == [name for name, _ in model.named_parameters() if ".rule." in name]
    with pytest.raises(ValueError, match="head must be MessagePassing"):
        ga.fine_tune(graph, ga.heads.Linear(), beta=1.0)
    with pytest.raises(ValueError, match="weights must be a name, a file or MessageWeights, got 3"):
        ga.fine_tune(graph, 3, beta=1.0)


def test_bad_arguments() -> None:
    for options, message in (
        ({"head": MessagePassing()}, "head must be MessagePassing with hidden units"),
        ({"head": MessagePassing(hidden=2, linear=True)}, "no linear part"),
        ({"objective": "reverse"}, 'objective must be "variational" or "maximum_likelihood", got'),
        ({"dataset": []}, "dataset must hold at least one IsingGraph"),
        ({"validation": [HELD_OUT[0], 3]}, "validation must hold IsingGraphs alone, got int at 1"),
        ({"dataset": iter([])}, "dataset must hold at least one IsingGraph"),
        ({"beta": 1.0}, "beta must be two rising positive numbers, got 1"),
        ({"gradient_decay": "a"}, "gradient_decay must be in"),
        ({"beta": (1.0, 0.5)}, "beta must be two rising positive numbers"),
        ({"gradient_decay": 1.5}, "gradient_decay must be in 0 … 1, got 1.5"),
        ({"beta": (0.0, 0.5)}, "beta must be two rising positive numbers"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            ga.pretrain(**{"dataset": TRAIN, "head": HEAD} | SHORT | options)
