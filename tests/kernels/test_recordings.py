"""Recorded launches: they see new weights, temperatures and batches, and hand out nothing that they write over."""

from __future__ import annotations

import pickle

import pytest
import torch
from curved_head import Curved

import graphar as ga
from graphar.heads import Head
from graphar.kernels.reference.cuda_graph import CudaGraphKernel

TORUS = ga.grid((16, 16), periodic=True, couplings="gaussian", seed=1)


@pytest.mark.parametrize("head", [ga.heads.Linear(scale=1.0), Curved()], ids=["linear", "curved"])
def test_a_recording_sees_new_weights_betas_and_batches(head: Head) -> None:
    models = [ga.Autoregressive(TORUS, head, kernel="reference") for _ in range(2)]
    models[1].kernel = CudaGraphKernel(models[1].frontier, models[1].head, models[1].dtype, models[1].device)
    for beta, count, seed in ((0.5, 100, 0), (0.5, 100, 1), (0.7, 100, 1), (0.7, 60, 1)):
        drawn = [model.at(beta).sample_with_log_prob(count, seed=seed) for model in models]
        assert torch.equal(drawn[0][0], drawn[1][0])
        assert torch.equal(drawn[0][1], drawn[1][1])
        kept = drawn[1][0].clone()
        models[1].at(beta).sample(count, seed=99)
        assert torch.equal(drawn[1][0], kept)  # a replay writes over nothing that was handed out
        for model in models:
            with torch.no_grad():
                for weight in model.parameters():
                    weight.mul_(1.1)


def test_a_recording_outlives_inference_mode_and_is_not_pickled() -> None:
    model = ga.Autoregressive(TORUS, kernel="reference")
    model.kernel = CudaGraphKernel(model.frontier, model.head, model.dtype, model.device)
    own = model.kernel.graph_couplings(model.frontier)
    with torch.inference_mode():
        drawn = [model.kernel.sample(0.5, own, 7, 0, 64).spins for _ in range(3)]
    assert torch.equal(model.kernel.sample(0.5, own, 7, 0, 64).spins, drawn[2])
    again = pickle.loads(pickle.dumps(model.kernel))
    assert torch.equal(again.sample(0.5, own, 7, 0, 64).spins, drawn[0])
