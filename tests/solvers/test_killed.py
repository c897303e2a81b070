"""A solve that is killed at any moment leaves a whole file with the best configuration so far."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

import graphar as ga

PROGRAM = """
import sys
import torch
import graphar as ga
from graphar.solvers.solve import write_text
graph = ga.random_regular(400, degree=3, couplings="pm1", seed=0)
x = torch.ones(400, dtype=torch.int8)
for turn in range(10**9):  # the writer of solve, as fast as it goes
    ga.solve(graph, None, initial=x, steps=0, out=sys.argv[1], progress=False)
    x[turn % 400] *= -1
    print(turn, flush=True)
"""
KILLS = 6


def test_a_killed_solve_leaves_a_whole_answer(tmp_path: Path) -> None:
    graph, out = ga.random_regular(400, degree=3, couplings="pm1", seed=0), tmp_path / "best.txt"
    rng = np.random.default_rng(0)
    for _ in range(KILLS):
        command = [sys.executable, "-c", PROGRAM, str(out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.05 * rng.random())
        process.send_signal(signal.SIGKILL)
        process.communicate()
        spins = torch.tensor([int(word) for word in out.read_text().split()])
        assert spins.shape == (400,)
        assert bool((spins.abs() == 1).all())
        assert float(graph.energy(spins)) <= 0 or os.stat(out).st_size == 1200
