"""The fused sweep of linear heads is the reference one, and obeys the laws; by Triton's interpreter without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from kernels_agree import check_compiled
from laws import LAWS
from noise import add_noise
from small_graphs import GRAPHS

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.heads import Linear, SingleLayer
from graphar.kernels.triton import pairs
from graphar.kernels.triton.availability import interpreted
from graphar.training import variational_step

pytest.importorskip("triton", minversion="3.7")
pytestmark = pytest.mark.skipif(not interpreted(), reason="models are on the CPU")

INPUTS = ("messages", "parents")
DOUBLE, SINGLE = torch.float64, torch.float32
CASES = [  # heads that read messages, spins of separators, all earlier spins
    ("one spin", Linear(), DOUBLE, "component"),
    ("fields only", Linear("parents"), DOUBLE, "all"),
    ("isolated spin", Linear(), SINGLE, "all"),
    ("isolated spin", Linear("parents"), SINGLE, "component"),
    ("two components", SingleLayer(), DOUBLE, "component"),
]
# interactions of one to five spins, whose messages multiply others
MANY = ga.SpinHypergraph.from_hyperedges(
    [(0, 1, 2), (2, 3, 4), (0, 4, 5), (1, 5, 6), (3, 6, 7), (0, 7), (1, 2, 3, 4, 7)],
    [0.7, -1.0, 0.4, 1.0, -0.6, 0.5, 0.8],
    h=0.1,
)


def _model(graph: ga.IsingGraph | ga.SpinHypergraph, inputs: str = "messages", **options: object) -> ga.Autoregressive:
    model = ga.Autoregressive(graph, Linear(inputs), kernel="triton", dtype=DOUBLE, **options)
    add_noise(model, 0.3, seed=1)
    return model


@contextmanager
def _deterministic() -> Iterator[None]:
    """Operations that are not raise errors, and new memory is full of NaN."""
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(("name", "head", "dtype", "frontier"), CASES, ids=repr)
def test_fused_is_the_reference(name: str, head: ga.heads.Head, dtype: torch.dtype, frontier: str) -> None:
    check_compiled(GRAPHS[name], head, dtype, "triton", 20, frontier=frontier)


def test_of_interactions_of_many_spins() -> None:
    check_compiled(MANY, Linear(), DOUBLE, "triton", 20, radius=1)


def test_of_a_core() -> None:
    check_compiled(GRAPHS["torus"], Linear("parents"), DOUBLE, "triton", 20, exact_width=3)


def test_laws() -> None:
    LAWS["normalised"](_model(GRAPHS["pair"]))
    LAWS["causal"](_model(GRAPHS["isolated spin"], "parents"))
    LAWS["samples_carry_their_density"](_model(GRAPHS["two components"], exact_width=2))
    LAWS["any_split_is_the_same"](_model(GRAPHS["pair"]))


def test_three_kernels_draw_the_same_samples() -> None:
    drawn = []
    for kernel in ("reference", "numba", "triton"):
        model = ga.Autoregressive(GRAPHS["isolated spin"], kernel=kernel, dtype=DOUBLE)
        add_noise(model, 0.3, seed=1)
        drawn.append(model.at(0.8).sample_with_log_prob(200, seed=2**40))
    for spins, log_q in drawn[1:]:
        assert torch.equal(spins, drawn[0][0])
        torch.testing.assert_close(log_q, drawn[0][1], rtol=0, atol=1e-12)


def _all_parts(model: ga.Autoregressive, count: int) -> list[torch.Tensor]:
    model.zero_grad()
    step = variational_step(model.at(0.7), count, hash_key(3, "training"))
    return [step.loss, *(weight.grad.clone() for weight in model.parameters())]


@pytest.mark.parametrize("inputs", INPUTS)
def test_nothing_is_read_that_was_not_written_and_every_run_gives_the_same_bits(inputs: str) -> None:
    model = _model(GRAPHS["isolated spin"], inputs)
    first = _all_parts(model, 70)
    with _deterministic():
        again = _all_parts(model, 70)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert all(bool(part.isfinite().all()) for part in again)


def test_few_programs_that_share_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model(GRAPHS["isolated spin"])
    whole, samples = _all_parts(model, 150), model.at(0.7).sample(150, seed=1)
    monkeypatch.setattr("graphar.kernels.triton.sequential.PROGRAMS", 2)  # with 3 blocks, and rows used again
    monkeypatch.setattr(pairs, "SHARES", 2)
    assert torch.equal(model.at(0.7).sample(150, seed=1), samples)
    for one, other in zip(_all_parts(model, 150), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kernel", ["reference", "numba", "triton"])
def test_no_samples_at_all(kernel: str) -> None:
    q = ga.Autoregressive(GRAPHS["pair"], kernel=kernel).at(0.7)
    none = q.log_prob(torch.ones(0, 2))
    assert none.shape == (0,)
    none.sum().backward()
    assert all(not weight.grad.any() for weight in q.model.parameters())


def test_a_model_that_was_trained_so_draws_the_same_on_compiled_loops(tmp_path: Path) -> None:
    model = ga.Autoregressive(GRAPHS["isolated spin"], kernel="triton", dtype=DOUBLE)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for seed in (1, 2):
        optimizer.zero_grad()
        variational_step(model.at(0.8), 64, hash_key(seed, "training"))
        optimizer.step()
    ga.save(model, tmp_path / "model.pt")
    other = ga.load(tmp_path / "model.pt")
    assert type(model.kernel) is not type(other.kernel)
    assert all(bool((weight != 0).all()) for weight in other.parameters())
    here, there = (each.at(0.8).sample_with_log_prob(150, seed=5) for each in (model, other))
    assert torch.equal(here[0], there[0])
    torch.testing.assert_close(here[1], there[1], rtol=0, atol=1e-12)
