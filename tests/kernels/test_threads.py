"""The caller's number of threads is left alone."""

from __future__ import annotations

from pathlib import Path

from fresh_process import run_code


def test_sampling_leaves_the_number_of_threads_alone(tmp_path: Path) -> None:
    code = (
        "import torch, graphar as ga\n"
        "q = ga.Autoregressive(ga.grid((8, 8), seed=0)).at(0.5)\n"
        "for threads in (1, 2, 1):\n"
        "    torch.set_num_threads(threads)\n"
        "    q.log_prob(q.sample(200, seed=0)).sum().backward()\n"
        "    assert torch.get_num_threads() == threads, (torch.get_num_threads(), threads)\n"
    )
    run_code(code, tmp_path)
