"""Installations that nobody can write to: compiled loops are compiled in memory, and the user is told once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import graphar

CODE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import graphar as ga
    import graphar.kernels.compiled.loops.linear, graphar.training.optimizers.fisher_blocks
    print(ga.bfs(ga.chain(5)).sites.unique().tolist(), ga.__file__)
    print(*(f"{w.category.__name__}: {w.message}" for w in caught if "NUMBA_CACHE_DIR" in str(w.message)), sep="\\n")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package in whose folders nothing can be kept, root's rights or not: a file is in the way."""
    folder = tmp_path / "graphar"
    shutil.copytree(Path(graphar.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for inner in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        (inner / "__pycache__").write_text("in the way")
    return folder


def run(package: Path, **more: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_CACHE", "XDG_"))}
    home = str(package / "__pycache__" / "home")  # below a file: cannot be made
    environment = kept | {"HOME": home, "XDG_CACHE_HOME": home, "PYTHONPATH": str(package.parent)} | more
    command = [sys.executable, "-B", "-c", CODE]
    done = subprocess.run(command, env=environment, cwd=package.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line]


def test_without_a_folder_for_caches_it_compiles_and_says_so_once(package: Path) -> None:
    first, *warned = run(package)
    assert first == f"[0, 1, 2, 3, 4] {package / '__init__.py'}"
    assert len(warned) == 1
    assert warned[0].startswith("UserWarning: compiled loops cannot be kept")


def test_numba_cache_dir_is_where_they_are_kept_then(package: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert len(run(package, NUMBA_CACHE_DIR=str(kept))) == 1
    assert list(kept.rglob("*.nbc"))
