"""Who is served by which kernel."""

from __future__ import annotations

import pytest
import torch
from curved_head import Curved

import graphar as ga
from graphar.kernels.compiled.levels import LevelsKernel
from graphar.kernels.compiled.linear import LinearKernel
from graphar.kernels.reference.cuda_graph import CudaGraphKernel
from graphar.kernels.reference.levels import ReferenceKernel
from graphar.kernels.reference.message_passing import MessagePassingReferenceKernel
from graphar.kernels.select import select_kernel
from graphar.kernels.triton.availability import check_device
from graphar.kernels.triton.linear import LinearTritonKernel
from graphar.kernels.triton.made import MADETritonKernel
from graphar.kernels.triton.message_passing import MessagePassingTritonKernel
from graphar.kernels.triton.mlp import MLPTritonKernel


def test_auto_takes_compiled_kernels_on_the_cpu() -> None:
    graph = ga.chain(5)
    assert type(ga.Autoregressive(graph).kernel) is LinearKernel
    assert type(ga.Autoregressive(graph, Curved()).kernel) is LevelsKernel
    assert type(ga.Autoregressive(graph, kernel="reference").kernel) is ReferenceKernel
    assert type(ga.Autoregressive(graph, kernel="reference").double().kernel) is ReferenceKernel
    with pytest.raises(ValueError, match='kernel must be "auto", "reference", "numba" or "triton", got \'fast\''):
        ga.Autoregressive(graph, kernel="fast")


def test_a_gpu_is_given_fused_kernels_where_triton_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    linear, curved = (ga.Autoregressive(ga.chain(5), head).head for head in (ga.heads.Linear(), Curved()))
    gpu = torch.device("cuda")
    for there in (True, False):
        monkeypatch.setattr("graphar.kernels.select.installed", lambda there=there: there)
        assert select_kernel("auto", linear, gpu) is (LinearTritonKernel if there else CudaGraphKernel)
        assert select_kernel("auto", curved, gpu) is CudaGraphKernel
        for head, fused in ((ga.heads.MLP(), MLPTritonKernel), (ga.heads.MADE(), MADETritonKernel)):
            bound = ga.Autoregressive(ga.chain(5), head).head
            assert select_kernel("auto", bound, gpu) is (fused if there else CudaGraphKernel)
        bound = ga.Autoregressive(ga.chain(5), ga.heads.MessagePassing()).head
        level_by_level = MessagePassingReferenceKernel
        assert select_kernel("auto", bound, gpu) is (MessagePassingTritonKernel if there else level_by_level)
        assert select_kernel("auto", linear, torch.device("cpu")) is LinearKernel
        assert select_kernel("auto", linear, torch.device("meta")) is CudaGraphKernel


def test_fused_kernels_are_refused_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ga.chain(5)
    monkeypatch.setattr("graphar.kernels.triton.availability.installed", lambda: False)
    with pytest.raises(ImportError, match=r"graphar-arnn\[triton\]"):
        ga.Autoregressive(graph, kernel="triton")
    monkeypatch.setattr("graphar.kernels.triton.availability.installed", lambda: True)
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=r'kernel must be .* on a machine without a GPU, got "triton"'):
        ga.Autoregressive(graph, kernel="triton")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)  # a model is made on the CPU, and then moved
    with pytest.raises(ValueError, match=r'must be used on a GPU, by model.to\("cuda"\), got a model on cpu'):
        check_device(ga.Autoregressive(graph, kernel="triton").device)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(ValueError, match=r'kernel="triton" serves LinearHead.*, got a BoundCurved'):
        ga.Autoregressive(graph, Curved(), kernel="triton")
