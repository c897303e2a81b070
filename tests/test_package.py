"""What importing loads, and the tidiness of names."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

from fresh_process import run_code

import graphar as ga

OPTIONAL = ["numba", "matplotlib", "tqdm", "dimod", "pymetis", "networkx", "triton"]


def test_importing_graphar_loads_nothing_heavy_of_its_own(tmp_path: Path) -> None:
    # torch-geometric loads some of these itself; what counts is that graphar asks for none, so they are made
    # impossible to import, and everything that needs them must still import
    code = f"""
import sys, torch, torch_geometric, torch_geometric.nn, torch_geometric.data
for module in [module for module in sys.modules if module.partition(".")[0] in {OPTIONAL}]:
    del sys.modules[module]
sys.modules |= dict.fromkeys({OPTIONAL})
import graphar
graphar.anneal  # names are loaded when one is asked for
assert not any(map(sys.modules.get, {OPTIONAL}))
print("loaded")
"""
    assert run_code(code, tmp_path) == "loaded\n"


def test_importing_seeds_nothing_and_changes_no_setting(tmp_path: Path) -> None:
    code = """
import torch, numpy, random
torch.manual_seed(1); numpy.random.seed(1); random.seed(1)
before = torch.get_rng_state(), numpy.random.get_state()[1].tolist(), random.getstate(), torch.get_default_dtype()
import graphar
graphar.anneal
after = torch.get_rng_state(), numpy.random.get_state()[1].tolist(), random.getstate(), torch.get_default_dtype()
assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
"""
    run_code(code, tmp_path)


def test_every_module_says_what_it_exports() -> None:
    for info in pkgutil.walk_packages(ga.__path__, "graphar."):
        if info.name == "graphar.__main__":
            continue
        module = importlib.import_module(info.name)
        assert module.__doc__, info.name
        for name in module.__all__:
            assert hasattr(module, name), f"{info.name}.{name}"


def test_overloads_have_all_arguments() -> None:
    """A type checker would refuse an argument that an overload forgets."""
    found = 0
    for path in Path(ga.__path__[0]).rglob("*.py"):
        arguments: dict[str, list[str]] = {}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list):
                    found += 1
                    assert arguments.setdefault(node.name, names) == names, f"{path}: {node.name}"
                elif node.name in arguments:
                    assert names == arguments[node.name], f"{path}: {node.name}"
    assert found > 4


def test_names_at_the_root_have_docstrings() -> None:
    for name in ga.__all__:
        assert getattr(ga, name).__doc__, name


def test_names_are_loaded_when_one_is_asked_for() -> None:
    code = """
import sys
from pathlib import Path
import graphar, graphar.cli
assert "torch" not in sys.modules and "numpy" not in sys.modules
assert not hasattr(graphar, "nothing")
assert {"anneal", "exact", "io", "__version__"} <= set(dir(graphar))
from graphar import *
assert anneal is graphar.training.anneal and exact is graphar.exact and sys.modules["graphar.exact"] is exact
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_any_module_may_be_imported_first_and_hides_no_name(tmp_path: Path) -> None:
    code = """
import os, pkgutil, sys
import torch, torch_geometric, torch_geometric.data, torch_geometric.loader, torch_geometric.nn  # not once for each
import graphar
for first in [info.name for info in pkgutil.iter_modules(graphar.__path__) if info.name != "__main__"]:
    child = os.fork()
    if child == 0:
        try:
            __import__(f"graphar.{first}")
            found = getattr(graphar, first)
            assert first not in graphar.__all__ or found is getattr(graphar._names, first), found
            os._exit(0)
        except BaseException as error:
            print(f"graphar.{first}: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, first
"""
    run_code(code, tmp_path)
