"""Maximum likelihood: its gradient and its minimum against enumeration, and the modes that it brings back."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import GRAPHS, configurations

import graphar as ga
from graphar.training import likelihood_step, variational_step

BETA = 0.7


def _model(graph: Any, **options: Any) -> ga.Autoregressive:
    head = options.pop("head", ga.heads.Linear(scale=1.0))
    return ga.Autoregressive(graph, head, seed=3, dtype=torch.float64, **options)


def _boltzmann(graph: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(-BETA * graph.to(torch.float64).energy(x), 0)


def _gradient(model: ga.Autoregressive) -> torch.Tensor:
    return torch.cat([weight.grad.flatten() for weight in model.parameters()])


CASES = {
    "linear": (GRAPHS["torus"], {}),
    "dial": (GRAPHS["grid"], {"exact_width": 2}),
    "MLP": (GRAPHS["random regular"], {"head": ga.heads.MLP(3)}),
    "MADE": (GRAPHS["complete"], {"head": ga.heads.MADE(2)}),
    "hypergraph": (HYPERGRAPHS["quadruples"], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_the_forward_divergence(case: str) -> None:
    """Over all configurations by their probabilities: of Σ p log(p/q), by differences along random directions."""
    graph, options = CASES[case]
    model, x = _model(graph, **options), configurations(graph.num_spins)
    p = _boltzmann(graph, x)
    likelihood_step(model.at(BETA), x, p)
    found, weights = _gradient(model), list(model.parameters())
    generator = torch.Generator().manual_seed(1)

    def divergence() -> float:
        with torch.no_grad():
            return float(p @ (p.log() - model.at(BETA).log_prob(x)))

    for _ in range(3):
        along = [torch.randn(weight.shape, generator=generator, dtype=torch.float64) for weight in weights]
        values = []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                for weight, part in zip(weights, along, strict=True):
                    weight.add_(step * part)
            values.append(divergence())
        with torch.no_grad():
            for weight, part in zip(weights, along, strict=True):
                weight.add_(1e-5 * part)
        slope = (values[0] - values[1]) / 2e-5
        wanted = float(found @ torch.cat([part.flatten() for part in along]))
        assert slope == pytest.approx(wanted, rel=1e-5, abs=1e-8)


def test_a_mixed_step_is_the_sum_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the optimiser is given at the first step: (1 − v) of one gradient and v of the other."""
    from graphar._support.seeds import hash_key

    graph, x = GRAPHS["torus"], configurations(9)
    p, seen = _boltzmann(graph, x), []

    class Look(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            seen.append(torch.cat([w.grad.flatten() for w in self.param_groups[0]["params"]]))

    model = _model(graph)
    options = {"steps": 1, "batch_size": 512, "validation": 0, "seed": 4, "progress": False}
    ga.fit(model, x, BETA, weights=p, variational=0.3, optimizer=lambda w: Look(w, 0.1), **options)
    forward, reverse = _model(graph), _model(graph)
    likelihood_step(forward.at(BETA), x, p)
    variational_step(reverse.at(BETA), 512, hash_key(4, "fit, samples", 0))
    wanted = 0.7 * _gradient(forward) + 0.3 * _gradient(reverse)
    torch.testing.assert_close(seen[0], wanted, rtol=1e-9, atol=1e-12)


def test_linear_heads_have_one_minimum() -> None:
    """From two starts to the same likelihood, whose gradient vanishes; on a chain q = p there."""
    options = {"steps": 1500, "validation": 0, "batch_size": 4096, "learning_rate": 0.1, "progress": False}
    for name, exact in (("torus", False), ("chain", True)):
        graph, x = GRAPHS[name], configurations(GRAPHS[name].num_spins)
        p = _boltzmann(graph, x)
        ends = []
        for scale in (1.0, 8.0):
            model = _model(graph, head=ga.heads.Linear(scale=scale), ordering=ga.natural)
            ends.append(ga.fit(model, x, BETA, weights=p, **options).best.log_likelihood)
            for weight in model.parameters():
                weight.grad = None
            likelihood_step(model.at(BETA), x, p)
            assert float(_gradient(model).abs().max()) < 1e-4
        assert ends[0] == pytest.approx(ends[1], abs=1e-6)
        assert float(p @ p.log()) >= ends[0] - 1e-9
        assert (float(p @ p.log()) - ends[0] < 1e-6) == exact


def test_it_brings_back_a_mode_that_was_lost() -> None:
    """A magnet at low temperature whose model knows one half alone: its bound and its log Z miss log 2."""
    graph, beta = ga.grid((4, 4), couplings="ferromagnet"), 0.9
    exact = ga.exact.enumerate(graph, beta)
    model = ga.Autoregressive(graph, ga.heads.MLP(8), seed=1)
    samples = exact.sample(20_000, seed=2)
    up = samples[samples.sum(1) > 0]
    ga.fit(model, up, beta, steps=300, learning_rate=0.05, validation=0, progress=False)
    lost = ga.free_energy(model.at(beta), 20_000, seed=3)
    assert lost.log_partition.value < exact.log_partition - 0.5
    assert ga.bennett(model.at(beta), samples[:4000], 20_000, seed=3).coverage < 0.6
    ga.fit(model, samples, beta, steps=300, progress=False)
    found = ga.free_energy(model.at(beta), 20_000, seed=3)
    assert abs(found.log_partition.value - exact.log_partition) < 5 * found.log_partition.stderr
    bridge = ga.bennett(model.at(beta), samples[:4000], 20_000, seed=3)
    assert abs(bridge.log_partition.value - exact.log_partition) < 5 * bridge.log_partition.stderr
    assert bridge.coverage > 0.97
    assert found.ess > 5_000


def test_the_weights_held_out_like_best_stay_and_it_stops_early() -> None:
    graph = GRAPHS["complete"]
    samples = ga.exact.enumerate(graph, BETA).sample(60, seed=1)  # so few that all is learned by heart
    model = _model(graph, head=ga.heads.MLP(16))
    options = {"validation": 0.5, "learning_rate": 0.05, "evaluate_every": 5, "patience": 4, "progress": False}
    result = ga.fit(model, samples, BETA, steps=2000, **options)
    assert result.stopped_early
    assert result.step == 5 * (result.history.index(result.best) + 4)
    assert result.best.log_likelihood > result.history[-1].log_likelihood
    assert result.settings["held_out"] == result.settings["samples"] == 30


def test_chains_are_held_out_whole_and_weights_count() -> None:
    graph = GRAPHS["grid"]
    chains = ga.montecarlo.heat_bath(graph, BETA, 100, replicas=10, keep=7, progress=False)
    result = ga.fit(_model(graph), chains.spins, BETA, steps=2, validation=0.2, progress=False)
    assert (result.settings["samples"], result.settings["held_out"]) == (56, 14)
    # a sample of weight two is two samples
    x = chains.spins.flatten(0, 1)
    w = torch.arange(70) % 3
    twice = torch.cat([x[w == 1], x[w == 2], x[w == 2]])
    options = {"steps": 3, "validation": 0, "batch_size": 1000, "progress": False}
    one = ga.fit(_model(graph), x, BETA, weights=w, **options)
    two = ga.fit(_model(graph), twice, BETA, **options)
    assert one.best.log_likelihood == pytest.approx(two.best.log_likelihood, abs=1e-9)


def test_same_seed_same_fit_and_ctrl_c_ends_it() -> None:
    graph = GRAPHS["torus"]
    samples = ga.exact.enumerate(graph, BETA).sample(500, seed=1)
    options = {"steps": 20, "batch_size": 64, "variational": 0.5, "progress": False}
    histories = [ga.fit(_model(graph), samples, BETA, seed=seed, **options).history for seed in (0, 0, 1)]
    assert histories[0] == histories[1] != histories[2]

    class Press(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    result = ga.fit(_model(graph), samples, BETA, optimizer=lambda w: Press(w, 0.1), **options)
    assert (result.interrupted, result.step) == (True, 1)
    assert "interrupted" in repr(result)


def test_nothing_to_learn_is_only_evaluated() -> None:
    graph = GRAPHS["grid"]
    exact = ga.exact.enumerate(graph, BETA)
    samples = exact.sample(3000, seed=0)
    result = ga.fit(_model(graph, head=ga.heads.Exact), samples, BETA, validation=0, progress=False)
    assert (result.step, len(result.history)) == (0, 1)
    mean = float(graph.energy(samples).double().mean())
    assert result.best.log_likelihood == pytest.approx(-BETA * mean - exact.log_partition, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 0}, "beta must be positive"),
        ({"spins": torch.ones(9)}, r"spins must have shape \(n, 9\) or more axes, got \(9,\)"),
        ({"spins": torch.zeros(4, 9)}, "spins must be -1 and"),
        ({"weights": [1.0]}, r"weights must have shape \(4,\), got \(1,\)"),
        ({"weights": [1.0, 1, 1, -1]}, "weights must not be negative"),
        ({"variational": 1}, "variational must be a share of 0 to less than 1, got 1"),
        ({"validation": 1.5}, "validation must be a share of 0 to less than 1, got 1.5"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"learning_rate": -1}, "learning_rate must be positive"),
        ({"optimizer": torch.optim.LBFGS}, "optimizer must step on noisy gradients, got LBFGS"),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    given = {"spins": torch.ones(4, 9), "beta": 1.0, "progress": False} | options
    with pytest.raises(ValueError, match=message):
        ga.fit(_model(GRAPHS["torus"]), **given)
