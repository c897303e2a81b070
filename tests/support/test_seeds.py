"""Random bits: a seed fixes them, two seeds or two purposes never share them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import graphar as ga
from graphar._support.seeds import choose_key, hash_key, make_generator
from graphar.cli import main
from graphar.training import variational_step

GRAPH = ga.random_regular(10, degree=3, couplings="gaussian", seed=0)
SHORT: dict[str, Any] = {"progress": False}
ANNEAL: dict[str, Any] = {"beta": [0.3, 0.6], "steps": 2, "warmup": 1, "batch_size": 16, **SHORT}
PURPOSES = ("samples", "free energy", "two-sided bound", "training", "evaluation", "natural gradient", "weights")
SEEDS = [*range(300), *(2**32 + k for k in range(20)), 5 + 2**33, 2**62, 2**63 - 1]


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def model() -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH, ga.heads.Linear(scale=1.0))


def annealed(seed: int) -> Tensor:
    """Weights with NaturalGradient of another seed: the training's own bits tell."""
    trained = model()
    ga.anneal(trained, seed=seed, **ANNEAL)
    return weights(trained)


def recorded(seed: int) -> Tensor:
    """Records of a model that does not move: the evaluation's own bits tell."""
    run = ga.anneal(model(), seed=seed, optimizer=lambda p: torch.optim.SGD(p, 1e-30), **ANNEAL)
    return torch.tensor([record.bound for record in run.history])


def blocks(seed: int) -> Tensor:
    trained = model()
    ga.anneal(trained, optimizer=lambda p: ga.NaturalGradient(p, trained, seed=seed), **ANNEAL)
    return weights(trained)


def pretrained(seed: int) -> Tensor:
    head = ga.heads.MessagePassing(radius=2, hidden=4)
    result = ga.pretrain([GRAPH], head, steps=1, graphs_per_step=1, batch_size=4, seed=seed, **SHORT)
    return torch.cat([tensor.flatten() for tensor in result.best_tensors.values()])


def held_out(seed: int) -> Tensor:
    head = ga.heads.MessagePassing(radius=2, weights=ga.heads.MessageWeights.load("random_regular_pm1"))
    result = ga.pretrain([GRAPH], head, steps=1, graphs_per_step=1, batch_size=4, seed=seed, **SHORT)
    return torch.tensor([result.history[0].bound])


def compared(seed: int) -> Tensor:
    result = ga.compare(GRAPH, [ga.heads.Exact, ga.heads.Linear], seed=seed, **ANNEAL)
    return torch.tensor([[record.energy for record in run.history] for run in result.runs.values()])


def fine_tuned(seed: int) -> Tensor:
    return weights(ga.fine_tune(GRAPH, beta=0.5, steps=2, batch_size=8, seed=seed, **SHORT)[0])


PLACES: dict[str, Callable[[int], Tensor]] = {
    "sample": lambda seed: model().at(0.5).sample(40, seed=seed),
    "sample, dial": lambda seed: ga.Autoregressive(GRAPH, exact_width=2).at(0.5).sample(40, seed=seed),
    "sample, exact": lambda seed: ga.Autoregressive(GRAPH, ga.heads.Exact).at(0.5).sample(40, seed=seed),
    "free_energy": lambda seed: torch.tensor(ga.free_energy(model().at(0.1), 300, seed=seed).bound.value),
    "two_sided_bound": lambda seed: torch.tensor(
        ga.two_sided_bound(model().at(0.1), model().at(0.1).sample(9, seed=0), 30, seed=seed).upper.value
    ),
    "linear": lambda seed: weights(ga.Autoregressive(GRAPH, seed=seed)),
    "mlp": lambda seed: weights(ga.Autoregressive(GRAPH, ga.heads.MLP(4), seed=seed)),
    "anneal": annealed,
    "records": recorded,
    "natural gradient": blocks,
    "pretrain": pretrained,
    "held-out graphs": held_out,
    "compare": compared,
    "fine_tune": fine_tuned,
    "enumerate": lambda seed: ga.exact.enumerate(GRAPH, 0.5).sample(40, seed=seed),
    "eliminate": lambda seed: ga.exact.eliminate(GRAPH, 0.5).sample(40, seed=seed),
    "ground states": lambda seed: ga.exact.eliminate(ga.IsingGraph.from_edges([[], []], h=[0.0] * 40), 1.0)
    .sample_ground_states(1, seed=seed),
    "random_regular": lambda seed: ga.random_regular(40, degree=3, seed=seed).edge_index,
    "couplings": lambda seed: ga.chain(40, couplings="gaussian", seed=seed).edge_weight,
    "random_order": lambda seed: ga.random_order(GRAPH, seed).sites,
    "dataset": lambda seed: ga.InstanceDataset(
        "random_regular", sizes=20, num_graphs=1, degree=3, couplings="gaussian", seed=seed
    )[0].edge_weight,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("place", PLACES)
def test_a_seed_says_it_all_and_seeds_equal_modulo_2_to_the_32_differ(place: str) -> None:
    draw = PLACES[place]
    before = torch.get_rng_state()
    first, again, large, larger = (draw(seed) for seed in (5, 5, 5 + 2**32, 5 + 2**33))
    assert torch.equal(torch.get_rng_state(), before)  # nobody else's random numbers are read or moved
    assert torch.equal(first, again)
    assert not torch.equal(first, large)
    assert not torch.equal(large, larger)


def test_keys_of_seeds_purposes_and_counts_all_differ() -> None:
    asked = list(itertools.product(SEEDS, PURPOSES, range(30)))
    keys = {hash_key(*one) for one in asked}
    assert len(keys) == len(asked)
    assert 0 <= min(keys) < 2**56
    assert 2**63 < max(keys) < 2**64  # all 64 bits are in use
    starts = {make_generator(seed, None, purpose).initial_seed() for seed in SEEDS for purpose in PURPOSES}
    assert len(starts) == len(SEEDS) * len(PURPOSES)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keys of all random bits that kernels of linear heads are asked for, as they come."""
    kernel = type(model().kernel)
    keys: list[int] = []
    sample = kernel.sample

    def noted(self: Any, beta: float, couplings: Any, key: int, first: int, *rest: Any) -> Any:
        keys.append(key)
        return sample(self, beta, couplings, key, first, *rest)

    monkeypatch.setattr(kernel, "sample", noted)
    return keys


def test_bits_of_one_call_are_met_in_no_other(keys: list[int], tmp_path) -> None:
    trained = model()
    ga.anneal(trained, seed=0, optimizer=lambda p: ga.NaturalGradient(p, trained, every=2), **ANNEAL)
    assert len(keys) == 5 + 3 + 2  # steps, measurements of blocks, records
    q = trained.at(0.6)
    ga.free_energy(q, 300)
    ga.two_sided_bound(q, q.sample(9, seed=0), 30)
    for seed in (1, 2**32, 2**62):
        ga.free_energy(q, 300, seed=seed)
        q.sample(3, seed=seed)
    torch.manual_seed(0)
    for generator in (None, None, torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)):
        q.sample(3, generator=generator)
        q.sample(3, generator=generator)
    assert len(keys) == 10 + 3 + 6 + 8
    # the default generator in its state of manual_seed(0) is that generator; all else is different
    assert len(set(keys)) == len(keys) - 2

    keys.clear()
    arguments = ["chain:8,couplings=gaussian", "--beta", "0.3", "0.6", "2", "--steps", "3", "--warmup", "0", "--quiet"]
    arguments += ["--exact-width", "0"]
    assert main(["anneal", *arguments, "--batch-size", "16", "--out", str(tmp_path / "run")]) == 0
    assert len(keys) == 6 + 2 + 1
    assert len(set(keys)) == len(keys)


def test_a_resumed_run_goes_on_with_the_bits_it_would_have_had(keys: list[int], tmp_path) -> None:
    ga.anneal(model(), **ANNEAL)
    whole = list(keys)
    keys.clear()
    path = tmp_path / "run.pt"
    ga.anneal(model(), checkpoint=path, callbacks=[lambda run: True], **ANNEAL)
    ga.anneal(model(), resume=path, **ANNEAL)
    assert keys == whole


def test_without_a_seed_samples_are_of_torchs_default_generator() -> None:
    sources = [model().at(0.5), ga.exact.enumerate(GRAPH, 0.5), ga.exact.eliminate(GRAPH, 0.5)]
    for source in sources:
        torch.manual_seed(3)
        first, second = source.sample(40), source.sample(40)
        torch.manual_seed(3)
        assert torch.equal(source.sample(40), first)
        assert torch.equal(source.sample(40), second)
        assert not torch.equal(first, second)
        given = torch.Generator().manual_seed(3)
        assert torch.equal(source.sample(40, generator=given), first)
    torch.manual_seed(3)
    spins, log_q = sources[0].sample_with_log_prob(40)
    torch.manual_seed(3)
    assert torch.equal(sources[0].sample(40), spins)
    torch.testing.assert_close(sources[0].log_prob(spins).detach(), log_q)


def test_either_a_seed_or_a_generator_and_of_the_right_kind() -> None:
    q = model().at(0.5)
    for source in (q, ga.exact.enumerate(GRAPH, 0.5)):
        with pytest.raises(ValueError, match="either seed or generator, not both, got seed=1"):
            source.sample(3, seed=1, generator=torch.Generator())
        with pytest.raises(ValueError, match=r"generator must be a torch\.Generator, got int"):
            source.sample(3, generator=1)
        with pytest.raises(ValueError, match=r"seed must be an integer, got 1\.5"):
            source.sample(3, seed=1.5)
        with pytest.raises(ValueError, match=r"seed must be less than 2\*\*63"):
            source.sample(3, seed=2**63)


def test_a_step_takes_a_key_or_a_generator() -> None:
    steps = []
    for source in (choose_key(None, torch.Generator().manual_seed(4), "samples"), torch.Generator().manual_seed(4)):
        stepped = model()
        steps.append(variational_step(stepped.at(0.5), 20, source).loss)
    assert torch.equal(*steps)


def test_orders_of_metis_differ_for_large_seeds() -> None:
    pytest.importorskip("pymetis")
    graph = ga.random_regular(300, degree=3, seed=0)
    orders = [ga.nested_dissection(graph, seed=seed, method="metis").sites for seed in (5, 5, 5 + 2**31, 5 + 2**32)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[0], orders[3])
