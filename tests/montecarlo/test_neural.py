"""Moves that a model proposes: acceptance and draws against enumeration, without sweeps that would help them."""

from __future__ import annotations

import pytest
import torch
from every_sampler import SMALL, chi_square_z, distribution, proposals
from hypergraphs import HYPERGRAPHS
from torch.nn.functional import logsigmoid

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.montecarlo.neural import _logistic

mc = ga.montecarlo
REPLICAS = 16384
MOVES = {
    "all": lambda q: mc.IndependenceMetropolis(q),
    "suffix": lambda q: mc.ConditionalRedraw(q, part="suffix"),
    "subtree": lambda q: mc.ConditionalRedraw(q, part="subtree"),
}
HEADS = {
    "one parameter": ga.heads.OneParameter,
    "MLP": ga.heads.MLP(4),
    "MADE": ga.heads.MADE(2),
    "message passing": ga.heads.MessagePassing(rounds=2),
    "Recurrent": ga.heads.Recurrent("chain", "gru", 4),
}


def _stays(move: str, q: ga.Distribution, beta: float, sweeps: int = 3) -> mc.Info:
    start = ga.exact.enumerate(q.graph, beta).sample(REPLICAS, seed=5)
    sampler = MOVES[move](q)
    state, info = sampler.step(sampler.init(REPLICAS, seed=1, spins=start), beta, sweeps=sweeps)
    assert abs(chi_square_z(state.spins, distribution(q.graph, beta))) < 4.5
    return info


@pytest.mark.parametrize("width", [0, 2])
@pytest.mark.parametrize("graph", SMALL)
@pytest.mark.parametrize("move", ["suffix", "subtree"])
def test_redraws_leave_the_boltzmann_distribution(move: str, graph: str, width: int) -> None:
    _stays(move, proposals(SMALL[graph], exact_width=width), 0.9)


@pytest.mark.parametrize("graph", ["triples", "orders 1 to 5", "nested", "two components"])
@pytest.mark.parametrize("move", ["suffix", "subtree"])
def test_redraws_of_hypergraphs_leave_it(move: str, graph: str) -> None:
    _stays(move, proposals(HYPERGRAPHS[graph]), 0.4)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("move", MOVES)
def test_moves_of_any_head_leave_it(move: str, head: str) -> None:
    model = ga.Autoregressive(SMALL["torus"], HEADS[head], seed=2)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    assert 0 < float(_stays(move, model.at(0.3), 0.6).accepted.mean()) < 1


@pytest.mark.parametrize("move", ["all", "suffix"])
@pytest.mark.parametrize("graph", SMALL)
def test_exact_conditionals_are_always_accepted(graph: str, move: str) -> None:
    """q = p: the ratio of q is that of e^−βH, to rounding."""
    q = ga.Autoregressive(SMALL[graph], ga.heads.Exact, dtype=torch.float64).at(0.8)
    assert float(_stays(move, q, 0.8, sweeps=5).accepted.min()) == 1


def test_a_wrong_ratio_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same law without q in the acceptance fails by far."""
    q, original = proposals(SMALL["torus"]), mc.ConditionalRedraw._propose

    def without_q(self: mc.ConditionalRedraw, *given: object) -> object:
        spins, ratio, kept = original(self, *given)
        return spins, 0 * ratio, kept

    monkeypatch.setattr(mc.ConditionalRedraw, "_propose", without_q)
    with pytest.raises(AssertionError):
        _stays("suffix", q, 0.9)


@pytest.mark.parametrize("width", [0, 2])
@pytest.mark.parametrize("part", ["suffix", "subtree"])
def test_passes_draw_what_drawing_site_by_site_does(part: str, width: int) -> None:
    """The same noise, spin after spin in order, and the ratio of conditionals from its definition."""
    model = ga.Autoregressive(SMALL["grid"], ga.heads.Linear(scale=2.0), exact_width=width, dtype=torch.float64)
    q, n = model.at(0.6), 12
    sampler = mc.ConditionalRedraw(q, part=part)
    spins = sampler.init(200, seed=3).spins
    with torch.no_grad():
        proposed, ratio, _ = sampler._propose(spins, None, 77)
        chosen = sampler._chosen(77, 200)
        noise = _logistic(hash_key(77, "spins"), n, 200)
        x = spins.double()
        for site in model.ordering.sites.tolist():
            drawn = torch.where(q.logits(x)[:, site] > noise[:, site], 1.0, -1.0)
            x[:, site] = torch.where(chosen[:, site], drawn, x[:, site])
        assert torch.equal(proposed.double(), x)
        for one, sign in ((spins.double(), 1), (x, -1)):
            ratio = ratio - sign * (logsigmoid(one * q.logits(one)) * chosen).sum(1)
    torch.testing.assert_close(ratio, torch.zeros(200, dtype=torch.float64), rtol=0, atol=1e-9)
    ranks = torch.empty(n, dtype=torch.int64)
    ranks[model.ordering.sites] = torch.arange(n)
    for row in chosen:
        found = ranks[row].sort().values
        if part == "suffix":
            assert found.tolist() == list(range(int(found[0]), n))
    sizes = chosen.sum(1)
    assert int(sizes.min()) == 1
    assert len(sizes.unique()) > 3


def test_subtrees_are_those_of_the_elimination_tree() -> None:
    """A site and all later ones connected to it without earlier ones, each site as often as any other."""
    model = ga.Autoregressive(SMALL["tree"], ordering=ga.nested_dissection)
    sampler = mc.ConditionalRedraw(model.at(1.0), part="subtree")
    rank = {site: k for k, site in enumerate(model.ordering.sites.tolist())}
    pairs = [(rank[i], rank[j]) for i, j in model.graph.edge_index.T.tolist()]
    wanted = []
    for first in range(9):
        inside = {first}
        while more := {j for i, j in pairs if i in inside and j > first} - inside:
            inside |= more
        wanted.append(frozenset(inside))
    chosen = sampler._chosen(5, 9000)
    found = [frozenset(rank[i] for i in row.nonzero()[:, 0].tolist()) for row in chosen]
    assert set(found) == set(wanted)
    for one in set(wanted):
        assert abs(found.count(one) - 1000 * wanted.count(one)) < 5 * (1000 * wanted.count(one)) ** 0.5


def test_acceptance_is_counted_and_chains_keep_it() -> None:
    graph = SMALL["torus"]
    chains = mc.sample(mc.IndependenceMetropolis(proposals(graph)), 0.5, 200, replicas=50, seed=1, progress=False)
    assert chains.accepted.shape == (50,)
    assert bool(((chains.flipped <= chains.accepted) & (chains.accepted < 1)).all())
    wanted = ga.exact.enumerate(graph, 0.5).energy
    assert abs(chains.mean_energy - wanted) < 4.5 * chains.mean_energy_stderr
    assert mc.heat_bath(graph, 0.5, 20, replicas=3, progress=False).accepted is None


def test_annealing_takes_models_too() -> None:
    sampler = mc.IndependenceMetropolis(proposals(SMALL["grid"]), between=mc.HeatBath)
    result = mc.simulated_annealing(sampler.graph, (0.1, 3.0), 50, 64, sampler=sampler, progress=False)
    assert float(result.energy.min()) == ga.exact.ground_state(SMALL["grid"]).energy


def test_refused() -> None:
    q = proposals(SMALL["torus"])
    with pytest.raises(ValueError, match=r"q must be a model at its inverse temperature.*got Autoregressive"):
        mc.IndependenceMetropolis(q.model)
    with pytest.raises(ValueError, match="part must be one of 'suffix', 'subtree', got 'prefix'"):
        mc.ConditionalRedraw(q, part="prefix")
    with pytest.raises(ValueError, match="sweeps must be at least 1, got 0"):
        mc.IndependenceMetropolis(q, between=mc.HeatBath, sweeps=0)
    with pytest.raises(ValueError, match="sampler must be a sampler or a class of them, got 3"):
        mc.IndependenceMetropolis(q, between=3)
    with pytest.raises(ValueError, match="sampler must be of the graph's 9 spins, got one of 12"):
        mc.IndependenceMetropolis(q, between=mc.HeatBath(SMALL["grid"]))
    sampler = mc.IndependenceMetropolis(q, between=mc.HeatBath, sweeps=2**31)
    with pytest.raises(ValueError, match=r"sweeps must not exceed 4294967295 of .* for one seed, got 4294967296"):
        sampler.step(sampler.init(3), 1.0, sweeps=2)
