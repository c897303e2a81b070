"""Imports go one way: from each floor of the package to those below, and never around a circle of files."""

import ast
from pathlib import Path

import networkx as nx

import graphar

ROOT = Path(graphar.__file__).parent
FLOORS = (
    ("_support",),
    ("hamiltonians",),
    ("io", "ordering"),
    ("frontier",),
    ("elimination",),
    ("exact",),
    ("heads", "instances"),
    ("problems",),
    ("kernels",),
    ("partial_elimination",),
    ("models",),
    ("estimators",),
    ("montecarlo",),
    ("training",),
    ("free_energies",),
    ("plot",),
    ("solvers",),
    ("comparison", "landscapes", "sweeps"),
    ("_names",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def _modules() -> dict[str, Path]:
    """Files by dotted name, packages under their own."""
    names = {}
    for path in ROOT.rglob("*.py"):
        parts = ("graphar", *path.relative_to(ROOT).with_suffix("").parts)
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def _imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules of the package that a file imports anywhere, in functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in modules}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else str(node.module))
    return {name for name in found if name in modules}


def _graph() -> nx.DiGraph:
    modules = _modules()
    graph = nx.DiGraph()
    graph.add_nodes_from(modules)
    graph.add_edges_from((name, other) for name, path in modules.items() for other in _imports(path, modules))
    return graph


def _room(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def test_every_file_stands_on_a_floor() -> None:
    assert {_room(name) for name in _modules()} == set(FLOOR)


def test_imports_go_down() -> None:
    wrong = [
        f"{name} -> {other}"
        for name, other in _graph().edges
        if _room(name) != _room(other) and FLOOR[_room(name)] <= FLOOR[_room(other)]
    ]
    assert not wrong, wrong


def test_no_circle_of_files() -> None:
    assert [sorted(files) for files in nx.strongly_connected_components(_graph()) if len(files) > 1] == []
