"""Compiles what fused kernels launch down to machine code of a GPU, on a machine without one; prints what came out.

Triton brings its own assembler. Arguments are those of a model on the CPU; nothing is run.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

import graphar as ga
from graphar.kernels.triton import launching
from graphar.kernels.select import TABLE

CAPABILITY = int(sys.argv[1])


class Absent:
    """The driver of a GPU that is not there."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", CAPABILITY, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compile_only(function: Any, grid: tuple[int, ...], device: torch.device, *arguments: Any, **constants: Any) -> None:
    """In the place of a launch."""
    made = function.warmup(*arguments, **constants, **launching.OPTIONS, grid=grid)
    print(function.__name__, constants.get("KEEP", ""), arguments[-1].dtype, len(made.asm["cubin"]))
    assert "red.global" not in made.asm["ptx"]
    assert "atom.global" not in made.asm["ptx"]


driver.set_active(Absent())
launching.launch = compile_only
graph = ga.random_regular(12, degree=3, couplings="gaussian", seed=1)
for dtype in (torch.float32, torch.float64):
    for head in (ga.heads.Linear(), ga.heads.Linear("parents")):
        model = ga.Autoregressive(graph, head, dtype=dtype)
        fused = next(row.fused for row in TABLE if isinstance(model.head, row.head))
        kernel = fused(model.frontier, model.head, dtype, torch.device("cpu"))
        couplings = kernel.graph_couplings(model.frontier)
        drawn = kernel.sample(0.5, couplings, 2**63 + 5, 64, 1000, True)
        drawn.log_prob.sum().backward()
        kernel.log_prob(0.5, couplings, torch.ones(70, 12))
