"""What importing loads, and the tidiness of names."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import graphar as ga

OPTIONAL = ["numba", "matplotlib", "tqdm", "dimod", "pymetis", "networkx"]


@pytest.mark.parametrize("name", OPTIONAL)
def test_importing_graphar_loads_nothing_heavy_of_its_own(name: str) -> None:
    # torch-geometric loads some of these itself; what counts is that graphar asks for none, so they are made
    # impossible to import, and everything that needs them must still import
    code = f"""
import sys, torch, torch_geometric, torch_geometric.nn, torch_geometric.data
for module in [m for m in sys.modules if m == {name!r} or m.startswith({name + "."!r})]:
    del sys.modules[module]
sys.modules[{name!r}] = None
import graphar
assert sys.modules[{name!r}] is None
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_seeds_nothing_and_changes_no_setting() -> None:
    code = """
import torch, numpy, random
torch.manual_seed(1); numpy.random.seed(1); random.seed(1)
before = torch.get_rng_state(), numpy.random.get_state()[1].tolist(), random.getstate(), torch.get_default_dtype()
import graphar
after = torch.get_rng_state(), numpy.random.get_state()[1].tolist(), random.getstate(), torch.get_default_dtype()
assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


def test_every_module_says_what_it_exports() -> None:
    for info in pkgutil.walk_packages(ga.__path__, "graphar."):
        if info.name == "graphar.__main__":
            continue
        module = importlib.import_module(info.name)
        assert module.__doc__, info.name
        for name in module.__all__:
            assert hasattr(module, name), f"{info.name}.{name}"


def test_names_at_the_root_have_docstrings() -> None:
    for name in ga.__all__:
        assert getattr(ga, name).__doc__, name
