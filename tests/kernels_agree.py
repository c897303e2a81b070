"""A head's compiled kernel against its reference one, and against itself on more threads."""

from __future__ import annotations

import torch
from noise import add_noise
from torch import Tensor

import graphar as ga

__all__ = ["check_compiled"]

BETA = 0.7
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}


def check_compiled(
    graph: ga.IsingGraph, head: ga.heads.Head, dtype: torch.dtype, kernel: str = "auto", count: int = 300,
    **options: object,
) -> None:  # fmt: skip
    """Samples, densities, logits, energies and gradients of a model agree, of a batch that fills no block."""
    models = [ga.Autoregressive(graph, head, dtype=dtype, kernel=name, **options) for name in (kernel, "reference")]
    assert type(models[0].kernel) is not type(models[1].kernel)
    for model in models:
        add_noise(model, 0.2, seed=2)
    ours, theirs = (_all_there_is(model, count) for model in models)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE[dtype] * _size(other))
    if kernel == "triton":  # which knows no threads
        return
    try:
        torch.set_num_threads(2)
        again = _all_there_is(models[0], count)
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(one, other) for one, other in zip(ours, again, strict=True))


def _size(values: Tensor) -> float:
    return max(1.0, float(values.abs().max())) if values.numel() else 1.0


def _all_there_is(model: ga.Autoregressive, count: int) -> list[Tensor]:
    """What a kernel says of more blocks of configurations than are taken together, and the gradients of all of it."""
    q, kernel = model.at(BETA), model.kernel
    bits = torch.randint(0, 2, (count, model.num_spins), generator=torch.Generator().manual_seed(0))
    x = (2 * bits - 1).to(model.dtype)
    found = [q.log_prob(x), q.logits(x)]
    weights = list(model.parameters())
    drawn = kernel.sample(BETA, kernel.graph_couplings(model.frontier), 3, 64, min(77, count), bool(weights))
    if model.dtype == torch.float64:  # in float32 a draw may fall between two roundings
        found += [drawn.log_prob, drawn.energy, drawn.spins]
    for value in found[:3] if weights else ():
        model.zero_grad()
        (torch.linspace(-1, 2, len(value), dtype=value.dtype) @ value).sum().backward()
        found += [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    return [value.detach() for value in found]
