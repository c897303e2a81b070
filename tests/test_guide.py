"""The pages of the guide: their code runs, prints what they say, and they leave no public name or format out."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import graphar as ga
from graphar.io import FORMATS

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "examples" / "guide"
PAGES = sorted(GUIDE.rglob("*.md"))
BLOCK = re.compile(r"^```(?:python|\{picture\}[^\n]*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
OUTPUT = "# → "


def run_and_compare(code: str, namespace: dict[str, object]) -> None:
    """Run a block statement by statement; lines ``# → …`` after one are what it prints."""
    lines = code.splitlines()
    statements = ast.parse(code).body
    starts = [statement.lineno - 1 for statement in statements[1:]] + [len(lines)]
    for statement, following in zip(statements, starts, strict=True):
        assert statement.end_lineno is not None
        said = [line[len(OUTPUT) :] for line in lines[statement.end_lineno : following] if line.startswith(OUTPUT)]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(ast.Module([statement], []), "page", "exec", dont_inherit=True), namespace)
        if said:
            assert printed.getvalue().splitlines() == said, ast.unparse(statement)


@pytest.fixture
def formats() -> Iterator[None]:
    """What a page registers is gone after it."""
    before = dict(FORMATS)
    yield
    FORMATS.clear()
    FORMATS.update(before)


@pytest.mark.usefixtures("formats")
@pytest.mark.filterwarnings("ignore:effective sample size:UserWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_the_code_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    namespace: dict[str, object] = {"__name__": "page"}
    for block in BLOCK.findall(page.read_text()):
        run_and_compare(block, namespace)


def test_what_a_page_says_is_compared() -> None:
    run_and_compare("print(1 + 1)\n# → 2\n", {})
    with pytest.raises(AssertionError, match="print"):
        run_and_compare("x = 2\nprint(x)\n# → 3\n", {})


MODULES = {
    "graphar": ga,
    "graphar.exact": ga.exact,
    "graphar.heads": ga.heads,
    "graphar.montecarlo": ga.montecarlo,
    "graphar.problems": ga.problems,
    "graphar.protocols": ga.protocols,
}


def names_told() -> set[str]:
    """What the pages of api/ document: whole modules, or names of the current one."""
    told: set[str] = set()
    for page in (GUIDE / "api").glob("*.md"):
        home = ""
        for directive, name in re.findall(r"^\.\. (auto\w+|currentmodule):: ([\w.]+)", page.read_text(), re.MULTILINE):
            if directive == "currentmodule":
                home = name
            elif directive == "automodule":
                told |= {f"{name}.{each}" for each in MODULES[name].__all__}
            else:
                told.add(f"{home}.{name}")
    return told


@pytest.mark.parametrize("home", MODULES)
def test_every_public_name_is_in_the_reference(home: str) -> None:
    module = MODULES[home]
    names = {f"{home}.{name}" for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)}
    assert names <= names_told(), "each public name belongs on a page of api/"


def test_every_file_format_is_in_the_table() -> None:
    text = (GUIDE / "own_graph.md").read_text()
    for entry in FORMATS.values():
        assert f"| `{entry.name}` |" in text
        for suffix in entry.suffixes:
            assert f"`{suffix}`" in text


def test_links_between_pages_and_to_files_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "README.md", ROOT / "datasets" / "README.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if not target.startswith(("http", "#")):
                assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_pages_use_public_names_alone() -> None:
    for page in PAGES:
        assert not re.search(r"graphar\.(_|\w+\._)|import _", page.read_text()), page.name


@pytest.mark.skipif(importlib.util.find_spec("sphinx") is None, reason="needs the extra docs")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "cache")]
    done = subprocess.run(
        [*command, str(GUIDE), str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    names = (tmp_path / "site" / "api" / "training.html").read_text()
    assert 'id="graphar.anneal"' in names
    assert "<math" in names
