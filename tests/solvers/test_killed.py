"""A solve that is killed at any moment leaves a whole file, with all that it had told of by then."""

from __future__ import annotations

from pathlib import Path

from fresh_process import run_code

PROGRAM = """
import os, random, signal, time
import torch
import graphar as ga

graph = ga.grid((12, 12, 12), periodic=True, couplings="gaussian", seed=0)
rng = random.Random(0)
for kill in range(6):
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        tell = lambda now: os.write(there, f"{now.energy!r}\\n".encode())  # comes after the file
        ga.solve(graph, 60.0, seed=kill, callback=lambda now: bool(tell(now)) and None, out="best.txt", progress=False)
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as pipe:
        told = [float(pipe.readline()) for _ in range(1 + kill % 3)]
        time.sleep(rng.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        told += [float(line) for line in pipe if line.endswith("\\n")]
    spins = torch.tensor([int(line) for line in open("best.txt")], dtype=torch.int8)
    energy = float(graph.energy(spins))
    assert energy <= told[-1] + 1e-9, (energy, told)
    print(len(told))
"""


def test_a_killed_solve_leaves_what_it_has_told_of(tmp_path: Path) -> None:
    counts = [int(line) for line in run_code(PROGRAM, tmp_path).split()]
    assert len(counts) == 6
    assert max(counts) > 1
