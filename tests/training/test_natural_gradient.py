"""Natural gradient: its blocks and steps are those of the definition, it resumes identically, and it is worth it."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypergraphs import HYPERGRAPHS
from small_graphs import configurations
from torch import Tensor

import graphar as ga
from graphar.training import NaturalGradient

BETA = 0.7
GRAPH = ga.random_regular(8, degree=4, couplings="gaussian", field=0.3, seed=2)
MESSAGES, PARENTS = ga.heads.Linear(scale=2.0), ga.heads.Linear("parents", scale=2.0)
UNBIASED = ga.heads.Linear(scale=2.0, bias=False)
KINDS = [
    (MESSAGES, {}),
    (UNBIASED, {}),
    (PARENTS, {}),
    (ga.heads.Linear("parents", scale=2.0, bias=False), {}),
    (MESSAGES, {"exact_width": 3}),
    (PARENTS, {"exact_width": 3}),
    (MESSAGES, {"frontier": "all"}),
    (PARENTS, {"radius": 1}),
    (UNBIASED, {"radius": 0, "kernel": "reference"}),
    (MESSAGES, {"graph": HYPERGRAPHS["orders 1 to 5"]}),
    (PARENTS, {"graph": HYPERGRAPHS["orders 1 to 5, dense"], "radius": 1}),
    (MESSAGES, {"graph": HYPERGRAPHS["triples"], "exact_width": 4}),
]
SHORT = {"steps": 6, "warmup": 4, "batch_size": 64, "progress": False}


def made(head: ga.heads.Head = MESSAGES, graph: ga.IsingGraph = GRAPH, **options) -> ga.Autoregressive:
    options.setdefault("dtype", torch.float64)
    return ga.Autoregressive(graph, head, **options)


def enumerated(model: ga.Autoregressive) -> tuple[Tensor, Tensor]:
    """All configurations of the sites with weights, and their log q."""
    x = configurations(model.frontier.num_spins)
    return x, model.at(BETA).learned_part.log_prob(x)


def variational(model: ga.Autoregressive) -> Tensor:
    """βF_q of a model without exact sites, by enumeration."""
    x, log_q = enumerated(model)
    return (log_q.exp() * (log_q + BETA * model.graph.energy(x))).sum()


def fisher(model: ga.Autoregressive) -> Tensor:
    """E_q[∇ log q (∇ log q)ᵀ] over all weights, by enumeration and autograd."""
    _, log_q = enumerated(model)
    weights = list(model.parameters())
    scores = [torch.cat([g.flatten() for g in torch.autograd.grad(each, weights, retain_graph=True)]) for each in log_q]
    score = torch.stack(scores)
    return (score * log_q.detach().exp()[:, None]).T @ score


@torch.no_grad()
def exact_blocks(optimizer: NaturalGradient, model: ga.Autoregressive) -> Tensor:
    x, log_q = enumerated(model)
    blocks = torch.zeros(optimizer._features.size, dtype=model.dtype)
    optimizer._features.add_blocks(blocks, BETA, x, log_q.exp())
    return blocks


def as_matrix(optimizer: NaturalGradient, blocks: Tensor) -> Tensor:
    """Blocks as one matrix over all weights, in the units of the features."""
    features = optimizer._features
    matrix = torch.zeros(features.weight.numel(), features.weight.numel(), dtype=blocks.dtype)
    for site in range(features.ptr.numel() - 1):
        mine = features.weight[features.ptr[site] : features.ptr[site + 1]]
        i, j = torch.tril_indices(len(mine), len(mine))
        values = blocks[features.start[site] : features.start[site + 1]]
        matrix[mine[i], mine[j]] = matrix[mine[j], mine[i]] = values
    return matrix


def measured(model: ga.Autoregressive, steps: int = 1, **options) -> Tensor:
    """Blocks after some steps that hardly move."""
    optimizer = NaturalGradient(model.parameters(), model, lr=1e-12, every=1, **options)
    model.trained_beta = BETA
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    for _ in range(steps):
        optimizer.step()
    return optimizer.state[next(iter(model.parameters()))]["blocks"]


@pytest.mark.parametrize(("head", "options"), KINDS)
def test_blocks_are_the_whole_fisher_matrix(head: ga.heads.Head, options: dict) -> None:
    model = made(head, **options)
    assert model.frontier.num_spins > 2
    optimizer = NaturalGradient(model.parameters(), model)
    scale = optimizer._features.scale(BETA)
    matrix = scale[:, None] * as_matrix(optimizer, exact_blocks(optimizer, model)) * scale
    assert torch.allclose(matrix, fisher(model), atol=1e-12)


def test_blocks_are_measured_on_samples_and_averaged_over_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made()
    exact = exact_blocks(NaturalGradient(model.parameters(), model), model)
    one, two = measured(model, samples=40_000), measured(model, steps=2, samples=40_000, decay=0.0)
    assert torch.allclose(one, exact, atol=0.03)
    assert not torch.allclose(one, two, rtol=1e-6)
    mixed = measured(model, steps=2, samples=40_000, decay=0.75)
    assert torch.allclose(mixed, 0.75 * one + 0.25 * two, atol=1e-9)
    whole = measured(model, samples=1000)
    monkeypatch.setattr("graphar.training.optimizers.features._HELD", 2000)  # in several parts
    assert torch.allclose(measured(model, samples=1000), whole, atol=1e-14)


@pytest.mark.parametrize("head", [MESSAGES, PARENTS])
def test_a_step_is_a_dense_solve_and_goes_down(head: ga.heads.Head) -> None:
    model = made(head)
    weights = list(model.parameters())
    lr, damping = 0.3, 0.05
    optimizer = NaturalGradient(weights, model, lr, damping=damping, max_divergence=math.inf)
    matrix = as_matrix(optimizer, exact_blocks(optimizer, model))
    optimizer.state[weights[0]].update(step=1, blocks=exact_blocks(optimizer, model))
    model.trained_beta = BETA
    before = variational(model)
    before.backward()
    old = torch.cat([weight.detach() for weight in weights])
    gradient = torch.cat([weight.grad for weight in weights])
    optimizer.step()
    scale = optimizer._features.scale(BETA)
    damped = matrix + damping * torch.eye(len(scale), dtype=torch.float64)
    expected = old - lr * torch.linalg.solve(damped, gradient / scale) / scale
    assert torch.allclose(torch.cat([weight.detach() for weight in weights]), expected, atol=1e-12)
    assert float(variational(model).detach()) < float(before.detach()) - 0.1


def test_a_step_is_no_longer_than_its_bound() -> None:
    model = made()
    weights = list(model.parameters())
    optimizer = NaturalGradient(weights, model, lr=1.0, max_divergence=1e-6)
    optimizer.state[weights[0]].update(step=1, blocks=exact_blocks(optimizer, model))
    model.trained_beta = BETA
    _, before = enumerated(model)
    variational(model).backward()
    optimizer.step()
    _, after = enumerated(model)
    divergence = float((before.exp() * (before - after)).sum().detach())
    assert 0.5e-6 < divergence < 1.1e-6


def test_closure_and_what_a_step_needs() -> None:
    model = made()
    optimizer = NaturalGradient(model.parameters(), model)
    with pytest.raises(ValueError, match="trained_beta must be the positive beta"):
        optimizer.step()
    model.trained_beta = BETA
    with pytest.raises(ValueError, match="params must have gradients"):
        optimizer.step()

    def closure() -> float:
        optimizer.zero_grad()
        loss = variational(model)
        loss.backward()
        return float(loss.detach())

    losses = [optimizer.step(closure) for _ in range(30)]
    exact = -ga.exact.enumerate(GRAPH, BETA).log_partition
    assert exact < losses[-1] < exact + 0.25 * (losses[0] - exact)
    optimizer.zero_grad()
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize(("head", "options"), [(MESSAGES, {}), (PARENTS, {"exact_width": 3})])
@pytest.mark.parametrize("stop_after", [1, 2])
def test_resuming_equals_never_stopping(tmp_path, head: ga.heads.Head, options: dict, stop_after: int) -> None:
    def natural(model: ga.Autoregressive):
        return lambda weights: NaturalGradient(weights, model, every=4, samples=64)

    whole, half, rest = (made(head, dtype=torch.float32, **options) for _ in range(3))
    betas, path = [0.3, 0.5, 0.8], tmp_path / "run.pt"
    ga.anneal(whole, betas, optimizer=natural(whole), **SHORT)
    stop = [lambda run: len(run.history) == stop_after]
    ga.anneal(half, betas, optimizer=natural(half), checkpoint=path, callbacks=stop, **SHORT)
    assert half.trained_beta == betas[stop_after - 1]
    ga.anneal(rest, betas, optimizer=natural(rest), resume=path, **SHORT)
    for a, b in zip(whole.parameters(), rest.parameters(), strict=True):
        assert torch.equal(a, b)
    other = made(head, dtype=torch.float32, **options)
    with pytest.raises(ValueError, match="settings of the run"):
        ga.anneal(other, betas, optimizer=lambda w: NaturalGradient(w, other, every=5), resume=path, **SHORT)


def test_the_state_of_another_model_is_refused() -> None:
    model = made()
    optimizer = NaturalGradient(model.parameters(), model)
    optimizer.state[next(iter(model.parameters()))].update(step=1, blocks=torch.zeros(3))
    with pytest.raises(ValueError, match="state_dict must be of this model, got 3 numbers"):
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def test_threads_do_not_change_it() -> None:
    graph = ga.grid((8, 8), couplings="pm1", seed=0)
    models = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            model = made(graph=graph, dtype=torch.float32)
            ga.anneal(model, [0.5], optimizer=lambda w, m=model: NaturalGradient(w, m, every=3), **SHORT)
            models.append(model)
    finally:
        torch.set_num_threads(1)
    for a, b in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(a, b)


def test_only_beta_times_the_couplings_matters() -> None:
    graph = ga.grid((3, 4), couplings="gaussian", field=0.2, seed=1)
    i, j, weights = graph.undirected()
    effective_couplings = ga.IsingGraph.from_edges(torch.stack([i, j]), 64 * weights, 64 * graph.h)
    bounds = []
    for couplings, factor in ((graph, 1), (effective_couplings, 64)):
        model = made(ga.heads.Linear(scale=0.0), couplings)
        betas = [beta / factor for beta in (0.25, 0.5, 1.0)]
        run = ga.anneal(model, betas, optimizer=lambda w, m=model: NaturalGradient(w, m), **SHORT)
        bounds.append([record.beta * record.bound for record in run.history])
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-9)


def test_it_is_far_ahead_of_adam_at_equal_steps() -> None:
    graph = ga.grid((12, 12), couplings="pm1", seed=0)
    exact = ga.exact.eliminate(graph, 2.0).log_partition

    def gap(**options) -> float:
        """β(F_q − F) after a short annealing."""
        model = ga.Autoregressive(graph)
        if not options:
            options = {"optimizer": lambda weights: NaturalGradient(weights, model)}
        ga.anneal(model, ga.linear(0.1, 2.0, 10), 40, warmup=0, batch_size=256, progress=False, **options)
        return float(exact + 2.0 * ga.free_energy(model.at(2.0), 20_000, seed=1).bound.value)

    natural = gap()
    for rate in (1e-2, 3e-2, 1e-1):
        assert natural < 0.6 * gap(learning_rate=rate)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0}, "lr must be positive and finite, got 0"),
        ({"damping": -1.0}, "damping must be positive and finite, got -1"),
        ({"damping": math.inf}, "damping must be positive and finite, got inf"),
        ({"every": 0}, "every must be at least 1, got 0"),
        ({"decay": 1.0}, "decay must be at least 0 and below 1, got 1"),
        ({"decay": math.nan}, "decay must be at least 0 and below 1, got nan"),
        ({"samples": 0}, "samples must be at least 1, got 0"),
        ({"samples": 1.5}, "samples must be an integer, got 1.5"),
        ({"max_divergence": 0.0}, "max_divergence must be positive and finite, got 0"),
        ({"memory": 1000}, "at most memory=1e-06 GB, got .* take Adam"),
        ({"memory": 0}, "memory must be positive and finite, got 0"),
    ],
)
def test_bad_numbers(options: dict, message: str) -> None:
    model = made()
    with pytest.raises(ValueError, match=message):
        NaturalGradient(model.parameters(), model, **options)


def test_bad_models_and_weights() -> None:
    model = made()
    with pytest.raises(ValueError, match="params must be all weights of the model, in its order, got 2"):
        NaturalGradient(list(model.parameters())[::-1], model)
    with pytest.raises(ValueError, match="params must be all weights of the model, in its order, got 1"):
        NaturalGradient([model.head.weight], model)
    with pytest.raises(ValueError, match="params must be all weights"):
        NaturalGradient(made().parameters(), model)
    with pytest.raises(ValueError, match="must be an Autoregressive, got Linear"):
        NaturalGradient(model.parameters(), torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"must have linear heads, got Exact"):
        NaturalGradient([torch.nn.Parameter(torch.zeros(1))], ga.Autoregressive(GRAPH, ga.heads.Exact))
