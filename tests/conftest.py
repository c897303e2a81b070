"""Makes the shared test data importable, keeps matplotlib off screens, and torch to one thread a test.

Workers begin with a share of the files each, and take from one another at the end: tests that compile the same loops
and share models mostly run in one process, where xdist's default would have every worker make all of them.

Triton's interpreter runs the fused kernels, on any device; it has to be asked for before Triton is loaded. On a GPU
itself, TRITON_INTERPRET=0 runs those tests that take models there, and examples/benchmarks/gpu.py the laws.

A shell that starts the tests in the background has them ignore Ctrl-C, which some of them send to themselves and to
their children: it is heard again.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TRITON_INTERPRET", "1")
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("laws", "kernels_agree")  # their assertions say what was compared
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads(1)  # tiny tensors: a second thread costs more than it brings


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Shares of files unless the command line says otherwise."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None
