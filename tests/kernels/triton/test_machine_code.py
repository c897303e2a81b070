"""Fused kernels compile to machine code of a GPU, as the interpreter does not say; no GPU is needed for that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import compile_for_gpu
import pytest

pytest.importorskip("triton", minversion="3.7")


def test_it_compiles_and_adds_nothing_in_an_order_of_chance(tmp_path: Path) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, compile_for_gpu.__file__, "80", "float32", "linear"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    launched = [line.split() for line in done.stdout.splitlines()]
    assert [words[0] for words in launched] == ["sweep", "gradient", "sweep"]
    assert all(int(words[2]) > 1000 and words[3:] == ["atomics", "0"] for words in launched), done.stdout
