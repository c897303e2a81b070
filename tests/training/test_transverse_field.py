"""Annealing of transverse fields: local energies, gradients, energies, records, and runs that stop and go on."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator

import pytest
import torch
from noise import add_noise
from short_runs import GRAPH, SHORT, fresh, same
from small_graphs import GRAPHS, configurations

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.heads.registry import HEADS
from graphar.plot import plot_run
from graphar.training import variational_step
from graphar.training.objective import Objective

BETA, GAMMA = 0.7, 0.8
PROTOCOLS = {"VCA": (0.0, True), "VQA": (GAMMA, False), "RVQA": (GAMMA, True), "CQO": (0.0, False)}


@pytest.fixture
def default_sigint() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stirred(graph, head: ga.heads.Head, **options) -> ga.Autoregressive:
    model = ga.Autoregressive(graph, head, seed=3, dtype=torch.float64, **options)
    add_noise(model, 0.5, 4)
    return model


def objective(q: ga.Distribution, gamma: float, entropy: bool) -> torch.Tensor:
    """β times the objective, by sums over all configurations; differentiable."""
    x = configurations(q.graph.num_spins)
    log_q, codes = q.log_prob(x), torch.arange(len(x))
    n = x.shape[1]
    amplitude = (log_q / 2).exp()
    kinetic = sum(amplitude @ amplitude[codes ^ (1 << (n - 1 - site))] for site in range(n))
    energy = log_q.exp() @ q.graph.energy(x) - gamma * kinetic
    return q.beta * energy + entropy * (log_q.exp() @ log_q)


@pytest.mark.parametrize(("protocol", "width"), [("VCA", 2), ("VQA", 0), ("VQA", 2), ("RVQA", 0), ("CQO", 2)])
@pytest.mark.parametrize("head", [*HEADS])
def test_steps_say_what_the_objective_is(head: str, width: int, protocol: str) -> None:
    """L of every sample by brute force; summed over all configurations, L ∇ log q is the slope of the objective."""
    if head == "exact" and width:
        return
    graph, (gamma, entropy) = GRAPHS["triangular"], PROTOCOLS[protocol]
    model = stirred(graph, HEADS[head], exact_width=width)
    q, weights = model.at(BETA), [weight for weight in model.parameters() if weight.numel()]
    x = configurations(graph.num_spins)
    with torch.no_grad():
        log_q, codes = q.log_prob(x), torch.arange(len(x))
        flipped = torch.stack([log_q[codes ^ (1 << (graph.num_spins - 1 - i))] for i in range(graph.num_spins)])
        local = graph.energy(x) - graph.offset - gamma * ((flipped - log_q) / 2).exp().sum(0)
        L = BETA * local + entropy * log_q
    key = hash_key(2, "training")
    for weight in weights:
        weight.grad = None
    if not weights:
        return
    step = variational_step(q, 70, key, Objective(gamma, entropy))
    (drawn,) = q.draw(70, key)
    code = ((drawn.spins > 0).long() << torch.arange(graph.num_spins).flip(0)).sum(1)
    if (gamma, entropy) != (0.0, True):  # there, of the core alone
        torch.testing.assert_close(step.loss, L[code], rtol=1e-10, atol=1e-10)
    ours = [weight.grad.clone() for weight in weights]
    share = (L[code] - L[code].mean()) / 69
    if width and protocol == "VCA":
        share = (step.loss - step.loss.mean()) / 69
    stated = torch.autograd.grad(share @ q.core_log_prob(drawn.spins), weights, allow_unused=True)
    for a, b in zip(ours, stated, strict=True):
        torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b, rtol=1e-9, atol=1e-11)

    # the same sum over all configurations, against finite differences
    gradient = torch.autograd.grad((log_q.exp() * L) @ q.log_prob(x), weights, allow_unused=True)
    generator = torch.Generator().manual_seed(1)
    way = [torch.randn(weight.shape, generator=generator, dtype=torch.float64) for weight in weights]
    values = []
    with torch.no_grad():
        for sign in (1, -1):
            for weight, each in zip(weights, way, strict=True):
                weight.add_(sign * 1e-6 * each)
            values.append(float(objective(q, gamma, entropy)))
            for weight, each in zip(weights, way, strict=True):
                weight.sub_(sign * 1e-6 * each)
    expected = (values[0] - values[1]) / 2e-6
    found = sum(float((slope * each).sum()) for slope, each in zip(gradient, way, strict=True) if slope is not None)
    assert abs(found - expected) < 1e-7 + 1e-6 * abs(expected)


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_variational_principle(graph: str) -> None:
    q = stirred(GRAPHS[graph], ga.heads.SingleLayer()).at(BETA)
    with torch.no_grad():
        energy = float(objective(q, GAMMA, False)) / BETA
    assert energy > ga.exact.transverse_field(GRAPHS[graph], GAMMA).ground_energy - 1e-10
    result = ga.quantum_energy(q, GAMMA, 20_000)
    assert abs(result.energy.value - energy) < 5 * result.energy.stderr
    field = torch.linspace(0, 1, q.graph.num_spins, dtype=torch.float64)
    ours, exact = ga.quantum_energy(q, field, 2000), ga.exact.transverse_field(GRAPHS[graph], field)
    assert ours.energy.value > exact.ground_energy - 5 * ours.energy.stderr
    total = ours.classical_energy.value - float(field @ ours.sigma_x)
    assert ours.energy.value == pytest.approx(total, abs=1e-9)


def test_of_an_eigenstate_the_local_energy_does_not_vary() -> None:
    graph = ga.IsingGraph.from_edges([[], []], [], num_nodes=6)
    q = ga.Autoregressive(graph, ga.heads.Linear(scale=0.0)).at(BETA)
    result = ga.quantum_energy(q, 1.5, 100)
    assert result.energy.value == pytest.approx(-9.0, abs=1e-6)
    assert result.variance < 1e-12
    assert result.sigma_x == pytest.approx(torch.ones(6), abs=1e-6)
    assert "⟨H⟩, at least E_0" in repr(result)


def exact_energy(model: ga.Autoregressive, gamma: float) -> float:
    with torch.no_grad():
        q = model.double().at(1.0)
        return float(objective(q, gamma, False))


@pytest.mark.parametrize("name", ["chain of 14", "random chain", "grid"])
def test_quantum_annealing_comes_near_the_ground_state(name: str) -> None:
    graph = {
        "chain of 14": ga.chain(14, couplings="ferromagnet"),
        "random chain": ga.chain(10, couplings="gaussian", seed=1),
        "grid": ga.grid((3, 4), couplings="pm1", seed=2),
    }[name]
    model = ga.Autoregressive(graph, ga.heads.SingleLayer())
    gammas = ga.linear(3.0, 1.5, 4)
    run = ga.anneal(model, transverse_field=gammas, steps=150, warmup=150, batch_size=256, progress=False)
    for record in run.history:
        exact = ga.exact.transverse_field(graph, record.transverse_field).ground_energy
        assert record.quantum_energy > exact - 5 * record.quantum_energy_stderr
    energy = exact_energy(model, 1.5)
    assert exact - 1e-9 <= energy < exact * (1 - 2e-3 if name == "grid" else 1 - 1e-3)


def test_records_and_trace() -> None:
    betas, gammas = ga.geometric(0.5, 2.0, 3), ga.linear(1.0, 0.0, 3)
    run = ga.anneal(fresh(), betas, transverse_field=gammas, ground_energy=-20.0, **SHORT)
    assert [record.transverse_field for record in run.history] == list(gammas)
    assert [record.beta for record in run.history] == list(betas)
    for record in run.history:
        assert record.residual_energy == record.energy + 20.0
        assert record.quantum_energy <= record.energy + 1e-9
    assert run.history[-1].quantum_energy == pytest.approx(run.history[-1].energy, abs=1e-9)
    assert run.table().splitlines()[0].split() == [
        "field", "beta", "quantum", "energy", "variance", "energy", "entropy", "best", "E",
    ]  # fmt: skip
    trace = run.trace
    assert len(trace) == run.step == 4 + 3 * 6
    assert trace.beta.tolist() == [betas[0]] * 10 + [betas[1]] * 6 + [betas[2]] * 6
    assert trace.transverse_field.tolist() == [1.0] * 10 + [0.5] * 6 + [0.0] * 6
    torch.testing.assert_close(trace.objective, trace.quantum_energy - trace.entropy / trace.beta)
    assert torch.equal(trace.residual_energy, trace.energy + 20.0)
    assert bool((trace.quantum_energy[:-6] < trace.energy[:-6]).all())
    assert bool((trace.variance > 0).all())
    assert repr(trace) == "Trace(22 steps)"


def test_a_run_is_drawn_against_its_field() -> None:
    run = ga.anneal(fresh(), transverse_field=ga.linear(1.0, 0.0, 3), **SHORT)
    figure = plot_run(run, GRAPH.num_spins)
    assert [axes.get_xlabel() for axes in figure.axes[:3]] == ["transverse field Γ"] * 3
    assert "⟨H⟩ / N" in figure.axes[0].get_legend_handles_labels()[1]


def test_the_trace_of_classical_annealing_is_of_its_batches() -> None:
    run = ga.anneal(fresh(), [0.3, 0.6], learning_rate=1e-9, **SHORT)
    q, trace = fresh().at(0.3), run.trace
    spins = next(q.draw(64, hash_key(0, "training", 2))).spins
    log_q, energy = q.log_prob(spins).detach(), GRAPH.energy(spins).double()
    assert float(trace.energy[2]) == pytest.approx(float(energy.mean()), rel=1e-5)
    assert float(trace.entropy[2]) == pytest.approx(-float(log_q.mean()), rel=1e-5)
    assert float(trace.objective[2]) == pytest.approx(float((energy + log_q / 0.3).mean()), rel=1e-5)
    assert float(trace.variance[2]) == pytest.approx(float((energy + log_q / 0.3).var()), rel=1e-3)
    assert torch.equal(trace.quantum_energy, trace.energy)
    assert trace.residual_energy is None
    assert run.history[0].quantum_energy is run.history[0].transverse_field is None


def test_the_planted_energy_is_the_ground_energy() -> None:
    graph = ga.random_chain(8, seed=0)
    run = ga.anneal(ga.Autoregressive(graph), 2.0, **SHORT)
    assert run.settings["ground_energy"] == float(graph.energy(graph.planted))
    assert run.history[0].residual_energy == pytest.approx(run.history[0].energy + float(graph.edge_weight.sum()) / 2)


def test_without_field_and_with_entropy_it_is_classical_annealing() -> None:
    classical, models = [0.3, 0.6], (fresh(), fresh())
    run = ga.anneal(models[0], classical, **SHORT)
    quantum = ga.anneal(models[1], classical, transverse_field=0.0, **SHORT)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(a, b)
    assert [r.bound for r in quantum.history] == [r.bound for r in run.history]
    assert torch.equal(quantum.trace.objective, run.trace.objective)


def test_neither_field_nor_entropy_finds_a_low_energy() -> None:
    run = ga.anneal(fresh(), entropy=False, steps=200, warmup=0, batch_size=64, progress=False)
    lowest = ga.exact.enumerate(GRAPH, 1.0).ground_energy
    assert run.settings["transverse_field"] is None
    assert run.history[0].energy < 0.8 * lowest
    assert float(run.trace.entropy[-1]) < 0.5 * float(run.trace.entropy[0])


@pytest.mark.parametrize("entropy", [True, False])
@pytest.mark.parametrize("stop_after", [1, 2])
def test_resuming_equals_never_stopping(tmp_path, stop_after: int, entropy: bool) -> None:
    course = {"beta": 0.8, "transverse_field": ga.linear(1.0, 0.2, 3), "entropy": entropy, **SHORT}
    whole, path = ga.anneal(fresh(), **course), tmp_path / "run.pt"
    ga.anneal(fresh(), callbacks=[lambda run: len(run.history) == stop_after], checkpoint=path, **course)
    rest = ga.anneal(ga.load(path), checkpoint=path, resume=path, **course)
    assert same(rest, whole)
    assert torch.equal(rest.rows.table, whole.rows.table)
    for changed in ({"transverse_field": 0.5}, {"entropy": not entropy}, {"ground_energy": -1.0}):
        with pytest.raises(ValueError, match="resume needs the settings of the run"):
            ga.anneal(ga.load(path), resume=path, **course | changed)


@pytest.mark.usefixtures("default_sigint")
def test_ctrl_c_ends_after_the_step_and_the_run_goes_on_identically(tmp_path) -> None:
    course = {"transverse_field": ga.linear(1.0, 0.2, 3), **SHORT}
    whole, path = ga.anneal(fresh(), **course), tmp_path / "run.pt"
    part = ga.anneal(
        fresh(), callbacks=[lambda run: os.kill(os.getpid(), signal.SIGINT)], checkpoint=path, **course
    )  # fmt: skip
    assert part.interrupted
    assert len(part.history) == 1
    assert same(ga.anneal(ga.load(path), resume=path, **course), whole)


@pytest.mark.parametrize(
    ("course", "message"),
    [
        ({}, "beta must be given where there is no transverse_field"),
        ({"transverse_field": 1.0, "entropy": True}, "beta must be given where there is no transverse_field, or"),
        ({"transverse_field": -1.0}, "transverse_field must be finite and not negative, got -1"),
        ({"transverse_field": [1.0, math.nan]}, "transverse_field must be finite"),
        ({"transverse_field": []}, "transverse_field must hold at least one value"),
        ({"transverse_field": "x"}, "transverse_field must be a number, got 'x'"),
        ({"beta": [1.0, 2.0], "transverse_field": [1.0, 2.0, 3.0]}, "transverse_field must have one value, or one for"),
        ({"beta": 1.0, "entropy": 1}, "entropy must be True or False, got 1"),
        ({"beta": 1.0, "ground_energy": math.inf}, "ground_energy must be finite"),
    ],
)
def test_bad_courses(course: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.anneal(fresh(), **course, **SHORT)
