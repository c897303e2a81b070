"""Compiles what fused kernels launch down to the machine code of a GPU, on a machine without one; prints what came out.

Triton brings its own assembler. Arguments are those of a model on the CPU; nothing is run.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import torch

import graphar as ga
from graphar.kernels.select import TABLE
from graphar.kernels.triton import launching

GRAPH = ga.random_regular(8, degree=3, couplings="gaussian", seed=1)
MANY = ga.SpinHypergraph.from_hyperedges([(0, 1, 2), (2, 3, 4), (0, 4)], [0.7, -1.0, 0.4], h=0.1)
CASES = {"linear": (ga.heads.Linear(), GRAPH), "parents": (ga.heads.Linear("parents"), GRAPH)}
CASES |= {"mlp": (ga.heads.MLP(hidden=5, depth=2), GRAPH), "made": (ga.heads.MADE(depth=3, width=2, z2=True), GRAPH)}
CASES |= {"many": (ga.heads.Linear(), MANY), "beliefs": (ga.heads.MessagePassing(linear=True), GRAPH)}
CASES |= {"message": (ga.heads.MessagePassing(hidden=3, linear=True), GRAPH)}


def main(capability: int, dtype: torch.dtype, cases: list[str]) -> None:
    """Sample with gradient, and densities without, of each case, up to every launch that differs."""
    from triton.backends.compiler import GPUTarget
    from triton.runtime import driver

    class Absent:
        """The driver of a GPU that is not there."""

        def get_current_target(self) -> GPUTarget:
            return GPUTarget("cuda", capability, 32)

        def get_current_device(self) -> int:
            return 0

        def get_current_stream(self, device: int) -> int:
            return 0

    def compile_only(
        function: Any, grid: tuple[int, ...], device: torch.device, *arguments: Any, **constants: Any
    ) -> None:
        made = function.warmup(*arguments, **constants, **launching.OPTIONS, grid=grid)
        if made.hash in seen:
            return
        seen.add(made.hash)
        atomics = len(re.findall(r"\b(?:atom|red)\.", made.asm["ptx"]))
        print(function.__name__, "bytes", len(made.asm["cubin"]), "atomics", atomics)

    seen = set[str]()
    driver.set_active(Absent())
    launching.launch = compile_only
    for name in cases:
        head, graph = CASES[name]
        model = ga.Autoregressive(graph, head, dtype=dtype)
        row = next(row for row in TABLE if isinstance(model.head, row.head))
        kernel = row.fused(model.frontier, model.head, dtype, torch.device("cpu"))
        couplings = kernel.graph_couplings(model.frontier)
        kernel.sample(0.5, couplings, 2**63 + 5, 64, 1000, True).log_prob.sum().backward()
        kernel.sample(0.5, couplings, 16, 0, 1, True).log_prob.sum().backward()  # no other code for other numbers
        with torch.no_grad():
            kernel.log_prob(0.5, couplings, torch.ones(70, model.num_spins))


if __name__ == "__main__":
    main(int(sys.argv[1]), getattr(torch, sys.argv[2]), sys.argv[3:])
