"""Models of many graphs drawn and trained as one: each as by itself, whatever else is in the union."""

from __future__ import annotations

import warnings
from dataclasses import astuple, replace

import pytest
import torch
from union_graphs import GRAPHS

import graphar as ga
from graphar.models.union import AT_ONCE, Union, unions

HEADS = (ga.heads.Linear(), ga.heads.Linear("parents", bias=False), ga.heads.MLP(hidden=3, depth=2))


def models(head: ga.heads.Head, graphs: list[ga.IsingGraph] = GRAPHS, **options: object) -> list[ga.Autoregressive]:
    return [ga.Autoregressive(graph, head, seed=k, **options) for k, graph in enumerate(graphs)]


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_samples_and_gradients_are_those_of_each_alone(head: ga.heads.Head) -> None:
    """Bit for bit: spins, log q, energy and the gradient, of odd and even graphs, loose spins and single ones."""
    each = models(head)
    union, keys, count = Union(each), list(range(7, 7 + len(each))), 150
    drawn = union.sample(0.7, keys, count, differentiable=True)
    weight = torch.randn(len(each), count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn.log_prob.backward(weight)
    norms = union.gradient_norms()
    found = {name: tensor.grad for name, tensor in union.head.named_parameters()}
    gradients = dict(union._split(found))
    energies, magnetisations = union.measure(drawn.rows, count)
    for member, (model, spins) in enumerate(zip(each, union.spins(drawn.rows, count), strict=True)):
        (alone,) = model.at(0.7).draw(count, keys[member], differentiable=True)
        assert torch.equal(alone.spins, spins)
        assert torch.equal(alone.log_prob, drawn.log_prob[member])
        assert torch.equal(alone.energy, drawn.energy[member])
        torch.testing.assert_close(energies[member], model.graph.to(torch.float64).energy(spins), rtol=0, atol=1e-12)
        assert torch.equal(magnetisations[member], spins.double().sum(1))
        (weight[member] @ alone.log_prob).backward()
        for name, tensor in model.head.named_parameters():
            assert torch.equal(tensor.grad, gradients[name][member]), name
        wanted = torch.cat([tensor.grad.flatten() for tensor in model.parameters()]).norm()
        assert norms[member] == pytest.approx(float(wanted), rel=1e-5)


def test_weights_go_there_and_back() -> None:
    each = models(ga.heads.MLP(hidden=3, depth=2), dtype=torch.float64)
    before = [[tensor.clone() for tensor in model.parameters()] for model in each]
    union = Union(each)
    with torch.no_grad():
        for tensor in union.head.parameters():
            tensor.mul_(2)
    union.hand_back()
    for model, old in zip(each, before, strict=True):
        assert all(torch.equal(tensor, 2 * was) for tensor, was in zip(model.parameters(), old, strict=True))


def test_who_goes_with_whom() -> None:
    """Models of one kind go together, up to a size; what no union can hold goes alone; nobody is left out."""
    graph = ga.chain(6)
    each = [
        ga.Autoregressive(graph),
        ga.Autoregressive(graph, ga.heads.MADE),
        ga.Autoregressive(graph, radius=1),
        ga.Autoregressive(graph, exact_width=2),
        ga.Autoregressive(graph, frontier="all"),
        ga.Autoregressive(graph, kernel="reference"),
        ga.Autoregressive(graph, dtype=torch.float64),
        ga.Autoregressive(ga.newman_moore(3)),
        ga.Autoregressive(ga.grid((3, 3))),
        ga.Autoregressive(graph, ga.heads.Linear(bias=False)),
        ga.Autoregressive(graph, ga.heads.Exact),
    ]
    found = sorted(unions(each, 100))
    assert found == [[0, 8], *[[k] for k in range(1, 11) if k != 8]]
    assert sorted(unions(each, AT_ONCE)) == [[k] for k in range(11)]


def test_annealed_together_as_each_alone() -> None:
    """Weights, records, traces and best configurations to rounding, in float64; seeds count up from the first."""
    options = {"beta": [0.4, 0.8], "steps": 6, "warmup": 2, "batch_size": 70, "progress": False}
    together, alone = (models(ga.heads.Linear(), dtype=torch.float64) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bounds above energies met, after so few steps
        runs = ga.anneal(together, seed=3, **options)
        wanted = [ga.anneal(model, seed=3 + k, **options) for k, model in enumerate(alone)]
    assert isinstance(runs, tuple)
    for a, b, run, other in zip(together, alone, runs, wanted, strict=True):
        for tensor, like in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(tensor, like, rtol=0, atol=1e-12)
        assert a.trained_beta == b.trained_beta == 0.8
        assert run.settings == other.settings
        assert (run.best_energy, run.step, run.interrupted) == (other.best_energy, other.step, False)
        assert torch.equal(run.best_spins, other.best_spins)
        for mine, its in zip(run.history, other.history, strict=True):
            numbers = [[x for x in astuple(replace(each, seconds=0.0)) if x is not None] for each in (mine, its)]
            assert numbers[0] == pytest.approx(numbers[1], rel=1e-9, abs=1e-9, nan_ok=True)
        for name in ("energy", "entropy", "objective", "variance", "beta"):
            torch.testing.assert_close(getattr(run.trace, name), getattr(other.trace, name), rtol=0, atol=1e-10)


def test_company_changes_nothing() -> None:
    """The same model with others before and behind it."""
    graph = ga.grid((3, 3), couplings="gaussian", seed=4)
    few, many = [graph, ga.chain(5)], [graph, *GRAPHS, ga.chain(5)]
    found = []
    for graphs in (few, many):
        each = models(ga.heads.Linear(), graphs, dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ga.anneal(each, 0.9, steps=5, warmup=0, batch_size=64, progress=False)
        found.append((each[0].head.weight, ga.free_energy([model.at(0.9) for model in each], 500)[0]))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0, atol=1e-12)
    assert found[0][1].log_partition.value == pytest.approx(found[1][1].log_partition.value, abs=1e-10)


def test_heads_that_share_weights_take_their_turns() -> None:
    """What cannot be one model is trained and evaluated one after the other, by the same seeds."""
    heads = [ga.heads.Linear(), ga.heads.MADE(), ga.heads.Exact(), ga.heads.Linear()]
    together, alone = ([ga.Autoregressive(ga.chain(6), head) for head in heads] for _ in range(2))
    options = {"beta": 0.5, "steps": 3, "warmup": 0, "batch_size": 64, "progress": False}
    runs = ga.anneal(together, seed=1, **options)
    for k, model in enumerate(alone):
        assert ga.anneal(model, seed=1 + k, **options).history[0].bound == pytest.approx(runs[k].history[0].bound)
    found = ga.free_energy([model.at(0.5) for model in together], 300, seed=2)
    for k, model in enumerate(alone):
        wanted = ga.free_energy(model.at(0.5), 300, seed=2 + k)
        assert found[k].log_partition.value == pytest.approx(wanted.log_partition.value, abs=1e-5)
    assert found[2].exact


def test_different_temperatures_in_one_list() -> None:
    each = models(ga.heads.Linear(), dtype=torch.float64)
    betas = [0.3 + 0.1 * (k % 3) for k in range(len(each))]
    found = ga.free_energy([model.at(beta) for model, beta in zip(each, betas, strict=True)], 400, seed=5)
    for k, (model, beta) in enumerate(zip(each, betas, strict=True)):
        wanted = ga.free_energy(model.at(beta), 400, seed=5 + k)
        assert found[k].beta == beta
        assert found[k].log_partition.value == pytest.approx(wanted.log_partition.value, abs=1e-10)
        assert found[k].boltzmann_energy.stderr == pytest.approx(wanted.boltzmann_energy.stderr, rel=1e-8)
        assert (found[k].ess, found[k].best_energy) == (pytest.approx(wanted.ess), wanted.best_energy)
        assert torch.equal(found[k].best_spins, wanted.best_spins)


def test_free_energies_are_within_their_errors_of_enumeration() -> None:
    """Pulls of log Z over many graphs, each by an annealed model, are those of a normal distribution."""
    graphs = [ga.random_regular(8 + 2 * (k % 4), degree=3, couplings="gaussian", seed=k) for k in range(60)]
    each = [ga.Autoregressive(graph) for graph in graphs]
    ga.anneal(each, [0.3, 0.6], steps=20, warmup=10, batch_size=128, progress=False)
    found = ga.free_energy([model.at(0.6) for model in each], 2000)
    pulls = torch.tensor(
        [
            (result.log_partition.value - ga.exact.enumerate(graph, 0.6).log_partition) / result.log_partition.stderr
            for graph, result in zip(graphs, found, strict=True)
        ]
    )
    assert pulls.abs().max() < 4.5
    assert abs(pulls.mean()) < 4 / 60**0.5
    assert 0.7 < pulls.std() < 1.35


def test_empty_lists_and_lists_of_one() -> None:
    assert ga.anneal([], 0.5, progress=False) == ()
    assert ga.free_energy([]) == ()
    model = ga.Autoregressive(ga.chain(4))
    (run,) = ga.anneal([model], 0.5, steps=2, warmup=0, batch_size=32, progress=False)
    assert run.step == 2
    (found,) = ga.free_energy([model.at(0.5)], 100, seed=9)
    assert found.log_partition == ga.free_energy(model.at(0.5), 100, seed=9).log_partition


def test_refusals() -> None:
    model, path = ga.Autoregressive(ga.chain(4)), "x.pt"
    with pytest.raises(ValueError, match="model must hold every model once"):
        ga.anneal([model, model], 0.5)
    with pytest.raises(ValueError, match=r"model\[1\]: model must be an Autoregressive, got IsingGraph"):
        ga.anneal([model, ga.chain(3)], 0.5)
    with pytest.raises(ValueError, match=r"checkpoint must be None for a list of models, got x\.pt"):
        ga.anneal([model], 0.5, checkpoint=path)
    with pytest.raises(ValueError, match="resume must be None for a list of models"):
        ga.anneal([model], 0.5, resume=path)
    with pytest.raises(ValueError, match=r"seed must leave room for 2 more below 2\*\*63"):
        ga.anneal([model, ga.Autoregressive(ga.chain(3))], 0.5, seed=2**63 - 1)
    with pytest.raises(ValueError, match=r"q\[0\]: q must be a model at its inverse temperature"):
        ga.free_energy([model])
    with pytest.raises(ValueError, match="reference must be None for a list"):
        ga.free_energy([model.at(0.5)], reference=torch.ones(10, 4))
    with pytest.raises(ValueError, match="beta must"):
        ga.anneal([], beta=-1.0)


def test_one_warning_for_all() -> None:
    each = [ga.Autoregressive(ga.sherrington_kirkpatrick(12, seed=k)) for k in range(3)]
    with pytest.warns(UserWarning, match="3 of 3 models, the first of them number 0, are of low effective") as met:
        ga.free_energy([model.at(6.0) for model in each], 300)
    assert len(met) == 1


def test_interruption_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the runs after the step under way, and models keep what they have learnt."""
    import signal

    from graphar.training import together

    def interrupting(*arguments: object) -> None:
        original(*arguments)
        signal.raise_signal(signal.SIGINT)

    original = together._look
    monkeypatch.setattr(together, "_look", interrupting)
    each = [*models(ga.heads.Linear(), GRAPHS[:3]), ga.Autoregressive(ga.chain(4), ga.heads.MADE)]
    before = each[0].head.weight.clone()
    runs = ga.anneal(each[:3] + each[3:], 0.5, steps=5, warmup=0, batch_size=32, progress=False)
    assert all(run.interrupted for run in runs[:3])
    assert [run.step for run in runs[:3]] == [1, 1, 1]
    assert not torch.equal(each[0].head.weight, before)
