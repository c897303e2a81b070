"""Makes the shared test data importable, keeps matplotlib off screens, and torch to one thread a test.

Triton's interpreter runs the fused kernels, on any device; it has to be asked for before Triton is loaded. On a GPU
itself, TRITON_INTERPRET=0 runs those tests that take models there, and examples/benchmarks/gpu.py the laws.
"""

import os
import sys
from pathlib import Path

import pytest
import torch

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TRITON_INTERPRET", "1")
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("laws", "kernels_agree")  # their assertions say what was compared
torch.set_num_threads(1)  # tiny tensors: a second thread costs more than it brings
