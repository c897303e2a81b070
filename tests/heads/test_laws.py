"""Laws of every head on every small graph under every ordering, in float64."""

from __future__ import annotations

import pytest
import torch
from small_graphs import GRAPHS, HEADS, KERNELS, ORDERINGS, configurations, model_on
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar.kernels.reference.levels import ReferenceKernel
from graphar.training import variational_step

BETA = 0.7
on_all_graphs = pytest.mark.parametrize("graph", GRAPHS)
with_all_heads = pytest.mark.parametrize("head", HEADS)
with_all_kernels = pytest.mark.parametrize("kernel", KERNELS)
STRUCTURES = [(ordering, frontier) for ordering in ORDERINGS for frontier in ("component", "all")]
STRUCTURES += [(ordering, f"radius {r}") for ordering in ("natural", "nested_dissection", "random") for r in (0, 2)]
FEW = [("random", "component"), ("nested_dissection", "all")]
# the structure is the linear heads' to try in full; others add what they do with it
TRIED = [(head, *kind) for head in HEADS for kind in (STRUCTURES if head.startswith("linear") else FEW)]
with_all_heads_in_structures = pytest.mark.parametrize(("head", "ordering", "frontier"), TRIED)


def model_with(graph: str, head: str, ordering: str, frontier: str, kernel: str = "auto") -> ga.Autoregressive:
    """The model of :func:`model_on` with a frontier of a kind, or of a radius."""
    if frontier.startswith("radius"):
        return model_on(graph, head, ordering, kernel=kernel, radius=int(frontier.split()[1]))
    return model_on(graph, head, ordering, frontier, kernel)


def per_site_logits(q: ga.Distribution, spins: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return q.logits(spins)


@on_all_graphs
@with_all_heads_in_structures
@with_all_kernels
def test_normalised(graph: str, head: str, ordering: str, frontier: str, kernel: str) -> None:
    q = model_with(graph, head, ordering, frontier, kernel).at(BETA)
    with torch.no_grad():
        log_q = q.log_prob(configurations(q.graph.num_spins))
    assert log_q.shape == (2**q.graph.num_spins,)
    torch.testing.assert_close(log_q.exp().sum().item(), 1.0, atol=1e-10, rtol=0)


@on_all_graphs
@with_all_heads_in_structures
def test_a_flip_reaches_only_later_spins_and_only_descendants(
    graph: str, head: str, ordering: str, frontier: str
) -> None:
    model = model_with(graph, head, ordering, frontier)
    n, ranks = model.num_spins, model.ordering.ranks
    reads_separator = model.head.reads in ("parents", "local") or (frontier != "all" and model.head.reads == "messages")
    parent = model.frontier.parent.tolist()
    descendants = [{i} for i in range(n)]
    for i in reversed(range(n)):
        if parent[i] >= 0:
            descendants[parent[i]] |= descendants[i]
    generator = torch.Generator().manual_seed(0)
    spins = torch.randint(0, 2, (20, n), generator=generator, dtype=torch.float64) * 2 - 1
    logits = per_site_logits(model.at(BETA), spins)
    for site in range(n):
        flipped = spins.clone()
        flipped[:, site] *= -1
        moved = (per_site_logits(model.at(BETA), flipped) != logits).any(dim=0)
        rank = int(ranks[site])
        touched = set(ranks[moved].tolist())
        assert all(other > rank for other in touched)
        if reads_separator:
            assert touched <= descendants[rank] - {rank}


@on_all_graphs
@with_all_heads_in_structures
def test_one_by_one_equals_level_by_level_equals_compiled_equals_given(
    graph: str, head: str, ordering: str, frontier: str
) -> None:
    models = [model_with(graph, head, ordering, frontier, kernel) for kernel in KERNELS]
    model, n = models[0], models[0].num_spins
    single = ReferenceKernel(model.frontier, model.head, torch.float64, model.device, levels=torch.arange(n))
    assert single.num_levels == n
    drawn = []
    for kernel in (*(model.kernel for model in models), single):
        out = kernel.sample(BETA, kernel.graph_couplings(model.frontier), 12345, 0, 50)
        drawn.append(out.spins)
        with torch.no_grad():
            for other in models:
                torch.testing.assert_close(other.at(BETA).log_prob(out.spins), out.log_prob, rtol=0, atol=1e-12)
        energy = model.graph.energy(out.spins) - model.graph.offset
        torch.testing.assert_close(out.energy, energy, rtol=0, atol=1e-12)
        assert torch.equal(out.configuration(7), out.spins[7])
    assert torch.equal(drawn[0], drawn[2])
    assert torch.equal(drawn[1], drawn[2])


@on_all_graphs
@with_all_heads
@with_all_kernels
def test_log_prob_is_the_sum_of_the_conditionals(graph: str, head: str, kernel: str) -> None:
    q = model_on(graph, head, "random", kernel=kernel).at(BETA)
    spins = q.sample(30, seed=1)
    logits = per_site_logits(q, spins)
    with torch.no_grad():
        torch.testing.assert_close(q.log_prob(spins), logsigmoid(spins * logits).sum(-1), rtol=0, atol=1e-12)


@on_all_graphs
@with_all_heads
@with_all_kernels
def test_gradient_of_the_objective_equals_autograd_through_enumeration(graph: str, head: str, kernel: str) -> None:
    model = model_on(graph, head, "nested_dissection", kernel=kernel)
    with torch.no_grad():
        for parameter in model.parameters():  # smaller, so that no configuration that matters is rare
            parameter.mul_(0.3)
    q, x = model.at(BETA), configurations(model.num_spins)
    energy = model.graph.energy(x)

    log_q = q.log_prob(x)
    loss = log_q + BETA * energy
    exact = torch.autograd.grad((log_q.exp() * loss).sum(), list(model.parameters()), retain_graph=True)
    # the estimator's expectation: E_q[(L − b) ∇ log q] with any constant b
    weight = (log_q.exp() * (loss - 1.7)).detach()
    expected = torch.autograd.grad((weight * log_q).sum(), list(model.parameters()))
    for a, b in zip(exact, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-11, rtol=1e-9)

    # and the estimator itself, to five standard errors of the mean over many batches, or eight where there are
    # hundreds of weights: errors from 20 batches make for Student's t with its long tails, and a weight that matters
    # to rare configurations alone may not meet any of them
    generator = torch.Generator().manual_seed(2)
    batches = []
    for _ in range(20):
        model.zero_grad()
        variational_step(q, 64, generator)
        batches.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    estimates = torch.stack(batches)
    if not estimates.numel():  # one spin without bias: a model with no weights
        return
    stderr = estimates.std(dim=0) / len(batches) ** 0.5
    exact_flat = torch.cat([part.flatten() for part in exact])
    slack = 1e-12 if head.startswith("linear") else 1e-5 * (float(exact_flat.abs().max()) + 1e-7)
    width = 5 if exact_flat.numel() < 200 else 8
    assert bool(((estimates.mean(dim=0) - exact_flat).abs() <= width * stderr + slack).all())


@with_all_heads
@with_all_kernels
@pytest.mark.parametrize("frontier", ["component", "all", "radius 1"])
@pytest.mark.parametrize("graph", ["grid", "two components", "random regular"])
def test_gradients_equal_finite_differences(graph: str, head: str, kernel: str, frontier: str) -> None:
    model = model_with(graph, head, "min_degree", frontier, kernel)
    q = model.at(BETA)
    spins = q.sample(3, seed=0)
    names, values = zip(*model.head.named_parameters(), strict=True)

    def numbers(*weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.nn.utils.stateless._reparametrize_module(model.head, dict(zip(names, weights, strict=True))):
            return q.log_prob(spins), q.logits(spins)

    assert torch.autograd.gradcheck(numbers, values, fast_mode=True)


@on_all_graphs
@with_all_heads
@with_all_kernels
def test_samples_carry_the_gradient_of_their_density(graph: str, head: str, kernel: str) -> None:
    model = model_on(graph, head, "rcm", kernel=kernel)
    weights = list(model.parameters())
    if not weights or not sum(weight.numel() for weight in weights):
        return
    own = model.kernel.graph_couplings(model.frontier)
    drawn = model.kernel.sample(BETA, own, 5, 0, 150, differentiable=True)
    factor = torch.linspace(-1, 1, 150, dtype=torch.float64)
    ours = torch.autograd.grad(factor @ drawn.log_prob, weights)
    given = torch.autograd.grad(factor @ model.at(BETA).log_prob(drawn.spins), weights)
    for a, b in zip(ours, given, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert not model.kernel.sample(BETA, own, 5, 0, 150).log_prob.requires_grad


@with_all_heads_in_structures
def test_relabelling_the_sites_changes_nothing(head: str, ordering: str, frontier: str) -> None:
    graph = GRAPHS["random regular"]
    n = graph.num_spins
    new_name = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    i, j, J = graph.undirected()
    h = torch.empty_like(graph.h)
    h[new_name] = graph.h
    again = ga.IsingGraph.from_edges(torch.stack([new_name[i], new_name[j]]), J, h, offset=float(graph.offset))
    model = model_with("random regular", head, ordering, frontier)
    sites = new_name[model.ordering.sites]
    kind, radius = model.frontier.kind, model.frontier.radius
    order = ga.given_order(again, sites)
    twin = ga.Autoregressive(again, HEADS[head], order, kind, radius=radius, dtype=torch.float64)
    twin.load_state_dict(model.state_dict())
    x = configurations(n)
    y = torch.empty_like(x)
    y[:, new_name] = x
    with torch.no_grad():
        torch.testing.assert_close(twin.at(BETA).log_prob(y), model.at(BETA).log_prob(x), rtol=0, atol=1e-12)


@on_all_graphs
@with_all_heads
def test_saved_and_loaded(graph: str, head: str, tmp_path) -> None:
    model = model_on(graph, head, "bfs")
    ga.save(model, tmp_path / "model.pt")
    again = ga.load(tmp_path / "model.pt")
    assert again.head_config == model.head_config
    assert again.ordering == model.ordering
    assert (
        again.graph.energy(model.at(1).sample(1, seed=0)).item()
        == model.graph.energy(model.at(1).sample(1, seed=0)).item()
    )
    x, log_q = model.at(BETA).sample_with_log_prob(20, seed=0)
    y, log_r = again.at(BETA).sample_with_log_prob(20, seed=0)
    assert torch.equal(x, y)
    assert torch.equal(log_q, log_r)


@with_all_heads
@with_all_kernels
@pytest.mark.parametrize("graph", ["grid", "isolated spin", "complete"])
def test_samples_follow_the_density(graph: str, head: str, kernel: str) -> None:
    # χ² over all configurations expected at least five times; seeded, so no chance of failure remains
    q = model_on(graph, head, "nested_dissection", kernel=kernel).at(BETA)
    n, count = q.graph.num_spins, 40_000
    bits = (q.sample(count, seed=6) > 0).to(torch.int64)
    observed = torch.bincount((bits * 2 ** torch.arange(n).flip(0)).sum(-1), minlength=2**n).double()
    with torch.no_grad():
        expected = count * q.log_prob(configurations(n)).exp()
    large = expected >= 5
    observed = torch.cat([observed[large], observed[~large].sum()[None]])
    expected = torch.cat([expected[large], expected[~large].sum()[None]])
    chi2 = ((observed - expected) ** 2 / expected.clamp(min=1e-9)).sum().item()
    degrees = len(expected) - 1
    assert chi2 < degrees + 4 * (2 * degrees) ** 0.5


def test_heads_without_bias_and_field_keep_the_symmetry() -> None:
    q = model_on("grid", "linear, no bias", "natural").at(BETA)
    x = configurations(q.graph.num_spins)
    with torch.no_grad():
        torch.testing.assert_close(q.log_prob(x), q.log_prob(-x), rtol=0, atol=1e-12)
