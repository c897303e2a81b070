"""Fused message passing is the reference one; by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from noise import add_noise

import graphar as ga
from graphar.heads import MessagePassing
from graphar.kernels.triton import message_passing, renewals
from graphar.kernels.triton.availability import interpreted

pytest.importorskip("triton", minversion="3.7")
pytestmark = pytest.mark.skipif(not interpreted(), reason="models are on the CPU")

DOUBLE, SINGLE = torch.float64, torch.float32
# a triangle, whose spins renew messages at once, with a tail, and a pair beside it
GRAPH = ga.IsingGraph.from_edges(
    [[0, 0, 1, 2, 4], [1, 2, 2, 3, 5]], [0.9, -0.4, 0.7, -1.1, 0.6], h=[0.2, -0.5, 0.3, 0.1, -0.2, 0.0]
)


def _everything(kernel: str, head: MessagePassing, dtype: torch.dtype, count: int, decay: float) -> list[torch.Tensor]:
    """Samples, their log q and energies, logits, and the gradient of a sum of log q with unequal factors."""
    model = ga.Autoregressive(GRAPH, head, kernel=kernel, dtype=dtype)
    model.head.rule.gradient_decay = decay
    add_noise(model, 0.3, seed=1)
    weights, couplings = list(model.parameters()), model.kernel.graph_couplings(model.frontier)
    drawn = model.kernel.sample(0.8, couplings, 2**40, 64, count, bool(weights))
    found = [drawn.spins, drawn.log_prob.detach(), drawn.energy]
    with torch.no_grad():
        found.append(model.kernel.logits(0.8, couplings, drawn.spins))
    if weights:
        (torch.linspace(-1, 2, count, dtype=torch.float64) @ drawn.log_prob).backward()
    return [*found, *(weight.grad for weight in weights)]


def _compare(ours: list[torch.Tensor], theirs: list[torch.Tensor], digits: float) -> None:
    assert torch.equal(ours[0], theirs[0])
    for one, other in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=digits * max(1.0, float(other.abs().max())))


@pytest.mark.parametrize(
    ("head", "dtype"),
    [
        (MessagePassing(rounds=1, linear=True), DOUBLE),
        (MessagePassing(hidden=1, rounds=1, refresh="full", linear=True), SINGLE),
    ],
    ids=repr,
)
def test_fused_is_the_reference(head: MessagePassing, dtype: torch.dtype) -> None:
    digits = 1e-12 if dtype == DOUBLE else 2e-5
    _compare(*(_everything(kernel, head, dtype, 20, 1.0) for kernel in ("triton", "reference")), digits)


def test_a_walk_in_parts_by_one_program_has_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    head = MessagePassing(hidden=2, radius=2, rounds=1)
    monkeypatch.setattr(message_passing, "MEMORY", 1.0)  # blocks of samples one after another
    monkeypatch.setattr(message_passing.MessagePassingTritonKernel, "_parts", lambda kernel, _: np.array([0, 1, 4, 6]))
    torch.use_deterministic_algorithms(True)  # which fills new memory with NaN
    try:
        ours = _everything("triton", head, DOUBLE, 70, 0.5)
    finally:
        torch.use_deterministic_algorithms(False)
    _compare(ours, _everything("reference", head, DOUBLE, 70, 0.5), 1e-12)


def test_walks_are_cut_where_their_tapes_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, head = ga.random_regular(300, degree=3, seed=1), MessagePassing(hidden=1, rounds=1)
    kernel = ga.Autoregressive(graph, head, kernel="triton").kernel
    whole = kernel._parts(1)
    assert whole.tolist() == [0, 300]
    assert kernel._tape(whole) == kernel._turn_events[-1]
    monkeypatch.setattr(message_passing, "MEMORY", 1.0)
    assert kernel.programs == 1
    assert kernel._gradient_rows(kernel._parts(5)) < 0.4 * kernel._gradient_rows(whole)
    monkeypatch.setattr(renewals, "MOST", 1000)
    with pytest.raises(ValueError, match="radius or refresh must renew at most 1,000 messages in a sweep on a GPU"):
        ga.Autoregressive(graph, head, kernel="triton")
