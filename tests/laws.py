"""What every model is held to, whatever its head, order, frontier and dial: one function a law, on a float64 model.

A law takes a model on few enough spins to enumerate and whose weights are of order one, so that none holds merely
because they are small. It leaves the model as it was.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from small_graphs import configurations
from torch import Tensor
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.kernels import random_bits
from graphar.kernels.reference.levels import decide
from graphar.models.parts import NoExactSites
from graphar.training import variational_step

__all__ = [
    "BETA",
    "LAWS",
    "components_and_separators",
    "relabelled",
    "samples_carry_their_density",
    "samples_follow_the_density",
    "symmetric",
]

BETA = 0.7


def components_and_separators(ordering: ga.Ordering) -> tuple[list[set[int]], list[set[int]]]:
    """C(i), the component of i among the ranks ≥ i, and P(i), the ranks below next to it, by their definition."""
    graph = ordering.graph
    edges = graph.primal_edges() if isinstance(graph, ga.SpinHypergraph) else graph.edge_index
    ends = ordering.ranks[edges].T.tolist()
    near = [{b for a, b in ends if a == i} for i in range(len(ordering))]
    components = []
    for i in range(len(ordering)):
        found, new = {i}, {i}
        while new:
            new = {b for a in new for b in near[a] if b >= i} - found
            found |= new
        components.append(found)
    return components, [{b for a in found for b in near[a] if b < i} for i, found in enumerate(components)]


def relabelled(graph: ga.IsingGraph | ga.SpinHypergraph, new_name: Tensor) -> ga.IsingGraph | ga.SpinHypergraph:
    """The same graph, site i under another number."""
    h = torch.empty_like(graph.h)
    h[new_name] = graph.h
    if isinstance(graph, ga.SpinHypergraph):
        site, interaction = graph.hyperedge_index
        index = torch.stack([new_name[site], interaction])
        return ga.SpinHypergraph.from_incidences(
            index, graph.hyperedge_weight, h, graph.num_spins, offset=float(graph.offset)
        )
    i, j, J = graph.undirected()
    ends = torch.stack([new_name[i], new_name[j]])
    pos = None if graph.pos is None else torch.empty_like(graph.pos).index_copy(0, new_name, graph.pos)
    return ga.IsingGraph.from_edges(ends, J, h, graph.num_spins, offset=float(graph.offset), pos=pos)


def chi_squared(counts: Tensor, probability: Tensor) -> None:
    """Counts within four standard deviations of χ²; what is expected less than five times is taken together."""
    expected = counts.sum() * probability
    large = expected >= 5
    observed = torch.cat([counts[large], counts[~large].sum()[None]]).double()
    expected = torch.cat([expected[large], expected[~large].sum()[None]])
    chi2 = ((observed - expected) ** 2 / expected.clamp(min=1e-9)).sum().item()
    degrees = len(expected) - 1
    assert chi2 < degrees + 4 * (2 * degrees) ** 0.5


@torch.no_grad()
def normalised(model: ga.Autoregressive) -> None:
    """Probabilities of all 2^N configurations sum to one."""
    log_q = model.at(BETA).log_prob(configurations(model.num_spins))
    assert log_q.shape == (2**model.num_spins,)
    torch.testing.assert_close(log_q.exp().sum().item(), 1.0, atol=1e-10, rtol=0)


@torch.no_grad()
def causal(model: ga.Autoregressive) -> None:
    """A flip reaches later spins alone, and only descendants where nothing beyond the separator is read."""
    n, sites = model.num_spins, model.ordering.sites
    reads = None if model.head is None else model.head.reads
    within = reads in (None, "parents", "local") or (reads == "messages" and model.frontier.kind != "all")
    subtree, _ = components_and_separators(model.ordering)
    spins = torch.randint(0, 2, (12, n), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    flipped = spins.repeat(n, 1, 1)
    flipped[torch.arange(n), :, sites] *= -1  # one site for each of the n copies
    q = model.at(BETA)
    moved = (q.logits(flipped) != q.logits(spins)).any(dim=1)[:, sites]
    assert not bool(moved.tril().any())
    alone = model.graph.couplings.numel() == 0
    assert bool(moved.any()) != alone or reads in ("earlier", "magnetisation", "memory")
    if within:
        for rank in range(n):
            assert set(moved[rank].nonzero()[:, 0].tolist()) <= subtree[rank]


@torch.no_grad()
def step_by_step(model: ga.Autoregressive) -> None:
    """Drawn one by one, each from its logit and the seed's own 32 bits, spins are those that a kernel draws at once."""
    q, n, count = model.at(BETA), model.num_spins, 70
    stream = torch.arange(n)  # of each site's random bits
    if model.core is not None:
        stream = stream + model.core.num_spins
        stream[model.core.sites] = torch.arange(model.core.num_spins)
    words = random_bits.words(hash_key(5, "samples"), stream, 0, count)
    spins = torch.ones(count, n, dtype=torch.float64)
    for site in model.ordering.sites.tolist():
        spins[:, site] = decide(q.logits(spins)[:, site], words[site])
    assert torch.equal(q.sample(count, seed=5), spins)


@torch.no_grad()
def samples_carry_their_density(model: ga.Autoregressive) -> None:
    """log q of samples is that of their spins, the sum of the conditionals; log q + βE is the core's to know."""
    q, graph = model.at(BETA), model.graph
    spins, log_q = q.sample_with_log_prob(70, seed=1)
    assert spins.shape == (70, model.num_spins)
    assert bool((spins.abs() == 1).all())
    torch.testing.assert_close(q.log_prob(spins), log_q, rtol=0, atol=1e-12)
    torch.testing.assert_close(logsigmoid(spins * q.logits(spins)).sum(-1), log_q, rtol=0, atol=1e-12)
    (drawn,) = q.draw(70, hash_key(1, "samples"))
    assert torch.equal(drawn.spins, spins)
    assert torch.equal(drawn.configuration(66), spins[66])
    assert torch.equal(drawn.full_log_prob, log_q)
    assert not drawn.log_prob.requires_grad
    torch.testing.assert_close(q.core_log_prob(spins), drawn.log_prob, rtol=0, atol=1e-12)
    whole = log_q + BETA * (graph.energy(spins) - graph.offset)
    torch.testing.assert_close(drawn.log_prob + BETA * drawn.energy, whole, rtol=0, atol=1e-10)
    if model.core is None:
        torch.testing.assert_close(drawn.energy, graph.energy(spins) - graph.offset, rtol=0, atol=1e-12)


@torch.no_grad()
def samples_follow_the_density(model: ga.Autoregressive) -> None:
    """χ² over all configurations of 40,000 samples; seeded, so no chance of failure remains."""
    q, n = model.at(BETA), model.num_spins
    bits = (q.sample(40_000, seed=6) > 0).to(torch.int64)
    counts = torch.bincount((bits * 2 ** torch.arange(n).flip(0)).sum(-1), minlength=2**n)
    chi_squared(counts, q.log_prob(configurations(n)).exp())


def gradients(model: ga.Autoregressive) -> None:
    """∇βF_q by enumeration and ∇logit are slopes; a training step is the stated sum over its samples."""
    q, weights = model.at(BETA), [weight for weight in model.parameters() if weight.numel()]
    x = configurations(model.num_spins)
    energy, share = BETA * model.graph.energy(x), torch.linspace(-1, 2, x.numel(), dtype=torch.float64).view_as(x)

    def free_energy() -> Tensor:
        log_q = q.log_prob(x)
        return (log_q.exp() * (log_q + energy)).sum()

    def mean_logit() -> Tensor:
        return (share * q.logits(x)).mean()

    assert bool(weights) == free_energy().requires_grad == mean_logit().requires_grad
    generator = torch.Generator().manual_seed(1)
    for objective in (free_energy, mean_logit) if weights else ():
        gradient = torch.autograd.grad(objective(), weights, allow_unused=True)
        for weight, slope in zip(weights, gradient, strict=True):
            way = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            old, values, step = weight.detach().clone(), [], 1e-6
            with torch.no_grad():
                for sign in (1, -1):
                    weight.copy_(old + sign * step * way)
                    values.append(float(objective()))
                weight.copy_(old)
            expected = (values[0] - values[1]) / (2 * step)
            ours = 0.0 if slope is None else float((slope * way).sum())
            assert abs(ours - expected) < 1e-7 + 1e-6 * abs(expected)
    if weights:
        _step_is_the_stated_sum(q, weights)


def _step_is_the_stated_sum(q: ga.Distribution, weights: list[Tensor]) -> None:
    """(1/(n−1)) Σ_b (L_b − L̄) ∇ log q(x_b), L = log q + βE."""
    key = hash_key(2, "training")
    for weight in weights:
        weight.grad = None
    step = variational_step(q, 70, key)
    ours = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    (drawn,) = q.draw(70, key)
    log_q = q.log_prob(drawn.spins)
    energy = q.graph.energy(drawn.spins) - q.graph.offset
    L = log_q.detach() + q.beta * energy
    torch.testing.assert_close(step.loss, L, rtol=0, atol=1e-10)
    stated = torch.autograd.grad(((L - L.mean()) / 69) @ log_q, weights, allow_unused=True)
    for a, b in zip(ours, stated, strict=True):
        torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b, rtol=1e-9, atol=1e-11)
    if isinstance(q.exact_part, NoExactSites):
        best = q.graph.energy(step.best_spins) - q.graph.offset
        torch.testing.assert_close(best, energy.min()[None], rtol=1e-14, atol=1e-14)


@torch.no_grad()
def saved_and_loaded(model: ga.Autoregressive) -> None:
    """A file holds the model: its graph, order, head, frontier, dial, weights and temperature."""
    trained, model.trained_beta = model.trained_beta, 0.375
    with tempfile.TemporaryDirectory() as folder:
        ga.save(model, Path(folder) / "model.pt")
        again = ga.load(Path(folder) / "model.pt")
    model.trained_beta = trained
    assert again.trained_beta == 0.375
    for name in ("head_config", "ordering", "exact_width", "dtype", "num_parameters"):
        assert getattr(again, name) == getattr(model, name), name
    assert (again.frontier.kind, again.frontier.radius) == (model.frontier.kind, model.frontier.radius)
    x, log_q = model.at(BETA).sample_with_log_prob(20, seed=0)
    y, log_r = again.at(BETA).sample_with_log_prob(20, seed=0)
    assert torch.equal(x, y)
    assert torch.equal(log_q, log_r)
    assert torch.equal(again.graph.energy(x), model.graph.energy(x))


@torch.no_grad()
def sites_have_no_names(model: ga.Autoregressive) -> None:
    """Another numbering of the sites, drawn in the same order, leaves every probability as it was."""
    graph, n = model.graph, model.num_spins
    new_name = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    again = relabelled(graph, new_name)
    frontier, order = model.frontier, ga.given_order(again, new_name[model.ordering.sites])
    options = {"radius": frontier.radius, "exact_width": model.exact_width}
    if isinstance(model.head_config, ga.heads.Exact):
        options = {}
    twin = ga.Autoregressive(again, model.head_config, order, frontier.kind, dtype=torch.float64, **options)
    twin.load_state_dict(model.state_dict())
    x = configurations(n)[:: max(1, 2**n // 256)]
    y = torch.empty_like(x)
    y[:, new_name] = x
    torch.testing.assert_close(twin.at(BETA).log_prob(y), model.at(BETA).log_prob(x), rtol=0, atol=1e-11)


def any_split_is_the_same(model: ga.Autoregressive) -> None:
    """Samples, densities and gradients know nothing of threads, chunks, or how many are asked for."""
    q = model.at(BETA)

    def found(count: int) -> list[Tensor]:
        model.zero_grad()
        with torch.no_grad():
            spins, log_q = q.sample_with_log_prob(count, seed=1)
            parts = [spins, log_q, q.log_prob(spins), q.logits(spins)]
        if model.num_parameters:
            variational_step(q, count, hash_key(3, "training"))
        parts += [torch.zeros_like(w) if w.grad is None else w.grad for w in model.parameters()]
        model.zero_grad()
        return parts

    whole = found(150)
    try:
        torch.set_num_threads(2)
        assert all(torch.equal(one, other) for one, other in zip(found(150), whole, strict=True))
    finally:
        torch.set_num_threads(1)
    with mock.patch("graphar.models.distribution._HELD", 1):
        assert q.chunk_size == 64
        for one, other in zip(found(150), whole, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)
        assert torch.equal(q.sample(150, seed=1), whole[0])
    for one, other in zip(found(70)[:3], whole, strict=False):
        torch.testing.assert_close(one, other[:70], rtol=0, atol=1e-12)
    assert torch.equal(q.sample(70, seed=1), whole[0][:70])
    with torch.no_grad():
        together = q.log_prob(whole[0].view(15, 10, -1))
    torch.testing.assert_close(together.flatten(), whole[2], rtol=0, atol=1e-12)


@torch.no_grad()
def single_precision_follows(model: ga.Autoregressive) -> None:
    """In float32 the same weights give the same distribution to five digits."""
    single = copy.deepcopy(model).float()
    assert (single.dtype, model.dtype) == (torch.float32, torch.float64)
    spins, log_q = single.at(BETA).sample_with_log_prob(70, seed=0)
    assert spins.dtype == torch.float32
    torch.testing.assert_close(single.at(BETA).log_prob(spins), log_q, rtol=0, atol=1e-5)
    logits = model.at(BETA).logits(spins.double())
    torch.testing.assert_close(
        single.at(BETA).logits(spins).double(), logits, rtol=0, atol=1e-5 * (1 + logits.abs().max().item())
    )
    torch.testing.assert_close(model.at(BETA).log_prob(spins), log_q, rtol=0, atol=1e-4)


@torch.no_grad()
def temperatures_are_kept(model: ga.Autoregressive) -> None:
    """A distribution stays at its β when the model is asked for another, and says the same when asked again."""
    x = configurations(model.num_spins)[:: max(1, 2**model.num_spins // 64)]
    warm = model.at(0.3)
    first = warm.log_prob(x)
    cold = model.at(2.0).log_prob(x)
    assert torch.equal(warm.log_prob(x), first)
    assert torch.equal(model.at(0.3).log_prob(x), first)
    reads = None if model.head is None else model.head.reads  # what knows the couplings knows β
    if reads not in ("earlier", "magnetisation") and (bool(model.graph.has_field) or model.graph.couplings.numel()):
        assert not torch.equal(cold, first)


@torch.no_grad()
def symmetric(model: ga.Autoregressive) -> None:
    """Flipping all spins changes no probability: only of models without bias on graphs without fields."""
    x = configurations(model.num_spins)
    torch.testing.assert_close(model.at(BETA).log_prob(x), model.at(BETA).log_prob(-x), rtol=0, atol=1e-12)


LAWS: dict[str, Callable[[ga.Autoregressive], None]] = {
    law.__name__: law
    for law in (
        normalised,
        causal,
        step_by_step,
        samples_carry_their_density,
        gradients,
        saved_and_loaded,
        sites_have_no_names,
        any_split_is_the_same,
        single_precision_follows,
        temperatures_are_kept,
    )
}
