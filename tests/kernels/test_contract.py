"""Kernels against each other at real size, and who may use which."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import graphar as ga
from graphar.heads import BoundHead, Head
from graphar.heads.inputs import SiteInputs
from graphar.kernels import random_bits as philox
from graphar.kernels.compiled.levels import LevelsKernel
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.reference.base import decide
from graphar.kernels.reference.cuda_graph import CudaGraphKernel
from graphar.kernels.reference.levels import ReferenceKernel

GRAPHS = {
    "random regular": ga.random_regular(300, degree=3, couplings="pm1", field="gaussian", seed=0),
    "torus": ga.grid((16, 16), periodic=True, couplings="gaussian", seed=1),
    "dense": ga.sherrington_kirkpatrick(60, seed=2),
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("inputs", ["messages", "parents"])
@pytest.mark.parametrize("frontier", ["component", "all"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_compiled_equals_reference(
    graph: str, inputs: str, frontier: str, dtype: torch.dtype, tolerance: float
) -> None:
    head = ga.heads.Linear(inputs, scale=1.0)
    order = ga.rcm(GRAPHS[graph])
    drawn = {}
    for kernel in ("numba", "reference"):
        model = ga.Autoregressive(GRAPHS[graph], head, order, frontier, kernel=kernel, dtype=dtype)
        drawn[kernel] = model.at(0.6).sample_with_log_prob(333, seed=0)
        with torch.no_grad():
            again = model.at(0.6).log_prob(drawn[kernel][0])
        torch.testing.assert_close(again, drawn[kernel][1], rtol=tolerance, atol=0)
    # in float32 a draw may fall between two roundings of the same probability; few samples may differ
    same = (drawn["numba"][0] == drawn["reference"][0]).all(dim=1)
    assert float(same.double().mean()) >= (1.0 if dtype == torch.float64 else 0.99)
    torch.testing.assert_close(drawn["numba"][1][same], drawn["reference"][1][same], rtol=tolerance, atol=0)


@pytest.mark.parametrize("kernel", ["reference", "numba"])
def test_samples_do_not_depend_on_threads_or_batch(kernel: str) -> None:
    q = ga.Autoregressive(GRAPHS["random regular"], kernel=kernel).at(0.8)
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(q.sample_with_log_prob(500, seed=1))
    finally:
        torch.set_num_threads(1)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert torch.equal(q.sample(77, seed=1), results[0][0][:77])


class Curved(Head):
    """A head that no linear form can express."""

    def settings(self) -> dict[str, Any]:
        return {}

    def bind(self, frontier: ga.Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        return BoundCurved(frontier.num_pairs, frontier.num_spins, generator, dtype)


class BoundCurved(BoundHead):
    def __init__(self, pairs: int, spins: int, generator: torch.Generator, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.randn(pairs, generator=generator, dtype=dtype))
        self.outer = nn.Parameter(torch.randn(spins, generator=generator, dtype=dtype))

    def forward(self, inputs: SiteInputs) -> Tensor:
        hidden = torch.tanh(inputs.read.weighted_sum(inputs.read.select(self.inner)))
        return 2 * inputs.beta * (inputs.local + inputs.field) + self.outer[inputs.ranks, None] * hidden


@pytest.mark.parametrize("graph", GRAPHS)
def test_heads_that_are_not_linear_have_compiled_messages(graph: str) -> None:
    results = []
    for kernel in ("reference", "numba"):
        model = ga.Autoregressive(GRAPHS[graph], Curved(), ga.nested_dissection, kernel=kernel, dtype=torch.float64)
        spins, log_q = model.at(0.6).sample_with_log_prob(77, seed=0)
        drawn = model.kernel.sample(0.6, model.kernel.graph_couplings(model.frontier), 3, 0, 77, differentiable=True)
        factor = torch.linspace(-1, 1, 77, dtype=torch.float64)
        (factor @ drawn.log_prob).backward()
        results.append([spins, log_q, model.at(0.6).logits(spins), model.at(0.6).log_prob(spins), drawn.energy])
        results[-1] += [weight.grad for weight in model.parameters()]
    for reference, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("head", [ga.heads.Linear(scale=1.0), Curved()], ids=["linear", "curved"])
def test_a_recording_sees_new_weights_betas_and_batches(head: Head) -> None:
    models = [ga.Autoregressive(GRAPHS["torus"], head, kernel="reference") for _ in range(2)]
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
    model = ga.Autoregressive(GRAPHS["torus"], kernel="reference")
    model.kernel = CudaGraphKernel(model.frontier, model.head, model.dtype, model.device)
    own = model.kernel.graph_couplings(model.frontier)
    with torch.inference_mode():
        drawn = [model.kernel.sample(0.5, own, 7, 0, 64).spins for _ in range(3)]
    assert torch.equal(model.kernel.sample(0.5, own, 7, 0, 64).spins, drawn[2])
    again = pickle.loads(pickle.dumps(model.kernel))
    assert torch.equal(again.sample(0.5, own, 7, 0, 64).spins, drawn[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("exact_width", [0, 3])
@pytest.mark.parametrize("head", [ga.heads.Linear(scale=1.0), Curved()], ids=["linear", "curved"])
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_gpu_draws_what_the_cpu_draws(graph: str, head: Head, exact_width: int) -> None:
    options = {"exact_width": exact_width, "dtype": torch.float64}
    here = ga.Autoregressive(GRAPHS[graph], head, kernel="reference", **options)
    there = ga.Autoregressive(GRAPHS[graph], head, **options).to("cuda")
    assert type(there.kernel) is CudaGraphKernel
    factor = torch.linspace(-1, 1, 200, dtype=torch.float64)
    for seed in (0, 1, 2):  # launched, recorded, replayed
        drawn = [model.at(0.6).sample_with_log_prob(200, seed=seed) for model in (here, there)]
        assert torch.equal(drawn[0][0], drawn[1][0].cpu())
        torch.testing.assert_close(drawn[0][1], drawn[1][1].cpu(), rtol=1e-12, atol=0)
    for model in (here, there):
        (factor.to(model.device) @ model.at(0.6).log_prob(drawn[0][0])).backward()
    for a, b in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad.cpu(), rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match='kernel must be "auto" or "reference" for a model on cuda'):
        ga.Autoregressive(GRAPHS[graph], kernel="numba").to("cuda")


def test_auto_takes_compiled_kernels_on_the_cpu() -> None:
    graph = ga.chain(5)
    assert type(ga.Autoregressive(graph).kernel) is LinearKernel
    assert type(ga.Autoregressive(graph, Curved()).kernel) is LevelsKernel
    assert type(ga.Autoregressive(graph, kernel="reference").kernel) is ReferenceKernel
    assert type(ga.Autoregressive(graph, kernel="reference").double().kernel) is ReferenceKernel
    with pytest.raises(ValueError, match='kernel must be "auto", "reference" or "numba", got \'fast\''):
        ga.Autoregressive(graph, kernel="fast")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_have_full_relative_precision_at_both_ends(dtype: torch.dtype) -> None:
    logit = torch.tensor([-30.0, 30.0, -1.0, 1.0, 0.0, 0.0], dtype=dtype)
    words = torch.tensor([0, 2**32 - 1, 0, 2**32 - 1, 2**31 - 2**9, 2**31 + 2**9])
    # a certain spin stays certain for the smallest and the largest word; any other turns there; zero is fair
    assert decide(logit, words).tolist() == [-1.0, 1.0, 1.0, -1.0, 1.0, -1.0]
    rising = decide(torch.linspace(-12, 12, 4001, dtype=dtype), torch.full((4001,), 2**30))
    assert bool((rising.diff() >= 0).all())
    assert rising.tolist().index(1.0) == pytest.approx(2000 + math.log(1 / 3) / 24 * 4000, abs=1)


def test_sampling_leaves_the_number_of_threads_alone() -> None:
    code = (
        "import torch, graphar as ga\n"
        "q = ga.Autoregressive(ga.grid((8, 8), seed=0)).at(0.5)\n"
        "for threads in (1, 2, 1):\n"
        "    torch.set_num_threads(threads)\n"
        "    q.log_prob(q.sample(200, seed=0)).sum().backward()\n"
        "    assert torch.get_num_threads() == threads, (torch.get_num_threads(), threads)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_philox_gives_the_published_words() -> None:
    # known answers of the Random123 distribution: counter and key of zeros, of ones, and of digits of π
    cases = [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ]
    for counter, key, expected in cases:
        made = philox.block(key, tuple(torch.tensor(word) for word in counter))
        assert tuple(int(word) for word in made) == expected


def test_words_do_not_depend_on_how_a_stream_is_cut() -> None:
    sites = torch.tensor([5, 0, 7])
    whole = philox.words(99, sites, 0, 300)
    for first, count in ((0, 1), (37, 100), (63, 2), (64, 64), (250, 50)):
        assert torch.equal(philox.words(99, sites, first, count), whole[:, first : first + count])
    assert whole.unique().numel() == whole.numel()  # 900 words of 2^32: no repetition at this key
    assert bool(((whole >= 0) & (whole < 2**32)).all())
    assert not torch.equal(philox.words(100, sites, 0, 300), whole)
