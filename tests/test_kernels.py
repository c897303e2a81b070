"""Kernels against each other at real size, and who may use which."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import graphar as ga
from graphar.heads import BoundHead
from graphar.kernels import NumbaKernel, ReferenceKernel

GRAPHS = {
    "random regular": ga.random_regular(300, degree=3, couplings="pm1", field="gaussian", seed=0),
    "torus": ga.grid((16, 16), periodic=True, couplings="gaussian", seed=1),
    "dense": ga.sherrington_kirkpatrick(60, seed=2),
}


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("inputs", ["messages", "parents"])
@pytest.mark.parametrize("frontier", ["component", "all"])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-11), (torch.float32, 1e-4)])
def test_compiled_equals_reference(graph: str, inputs: str, frontier: str, dtype: torch.dtype, atol: float) -> None:
    head = ga.heads.Linear(inputs, scale=1.0)
    order = ga.rcm(GRAPHS[graph])
    drawn = {}
    for kernel in ("numba", "reference"):
        model = ga.Autoregressive(GRAPHS[graph], head, order, frontier, kernel=kernel, dtype=dtype)
        drawn[kernel] = model.at(0.6).sample_with_log_prob(333, seed=0)
        with torch.no_grad():
            again = model.at(0.6).log_prob(drawn[kernel][0])
        torch.testing.assert_close(again, drawn[kernel][1], rtol=1e-6, atol=atol)
    # in float32 a uniform may fall between two roundings of the same probability; few samples may differ
    same = (drawn["numba"][0] == drawn["reference"][0]).all(dim=1)
    assert float(same.double().mean()) >= (1.0 if dtype == torch.float64 else 0.99)
    torch.testing.assert_close(drawn["numba"][1][same], drawn["reference"][1][same], rtol=1e-6, atol=atol)


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


def test_auto_takes_the_compiled_kernel_where_a_head_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ga.chain(5)
    assert type(ga.Autoregressive(graph).kernel) is NumbaKernel
    assert type(ga.Autoregressive(graph, kernel="reference").kernel) is ReferenceKernel
    with pytest.raises(ValueError, match='kernel must be "auto", "reference" or "numba", got \'fast\''):
        ga.Autoregressive(graph, kernel="fast")

    class Curved(BoundHead):
        def forward(self, inputs) -> Tensor:
            return torch.tanh(inputs.local)

    monkeypatch.setattr(ga.heads.Linear, "bind", lambda self, frontier, **options: Curved())
    curved = ga.Autoregressive(graph)
    assert type(curved.kernel) is ReferenceKernel
    assert curved.at(1.0).sample(3, seed=0).shape == (3, 5)
    with pytest.raises(ValueError, match="a head that is not linear"):
        ga.Autoregressive(graph, kernel="numba")


@pytest.mark.parametrize("kernel", ["reference", "numba"])
def test_uniforms_at_the_ends_do_not_overrule_the_logit(kernel: str) -> None:
    # a certain spin stays certain for the smallest and the largest uniform there is
    for field, expected in ((-1.0, -1.0), (1.0, 1.0)):
        graph = ga.IsingGraph.from_edges([[], []], h=[field])
        model = ga.Autoregressive(graph, ga.heads.Linear(bias=False), kernel=kernel)
        ends = torch.tensor([[0.0, 1 - 2.0**-53, 0.5]], dtype=torch.float64)
        drawn = model.kernel.sample(model.head, 30.0, ends)
        assert drawn.spins.tolist() == [[expected] * 3]
