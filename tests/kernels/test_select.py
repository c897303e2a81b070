"""Who is served by which kernel."""

from __future__ import annotations

import pytest
from curved_head import Curved

import graphar as ga
from graphar.kernels.compiled.levels import LevelsKernel
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.reference.levels import ReferenceKernel


def test_auto_takes_compiled_kernels_on_the_cpu() -> None:
    graph = ga.chain(5)
    assert type(ga.Autoregressive(graph).kernel) is LinearKernel
    assert type(ga.Autoregressive(graph, Curved()).kernel) is LevelsKernel
    assert type(ga.Autoregressive(graph, kernel="reference").kernel) is ReferenceKernel
    assert type(ga.Autoregressive(graph, kernel="reference").double().kernel) is ReferenceKernel
    with pytest.raises(ValueError, match='kernel must be "auto", "reference", "numba" or "triton", got \'fast\''):
        ga.Autoregressive(graph, kernel="fast")
