"""Every example and every block of the README runs, at small size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fresh_process import run_code, run_program

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "examples" / "guide"  # pages, and the settings of their site
EXAMPLES = sorted(
    path.relative_to(ROOT) for path in (ROOT / "examples").rglob("*.py") if not path.is_relative_to(GUIDE)
)
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_example(example: Path, tmp_path: Path) -> None:
    source = (ROOT / example).read_text()
    assert source.count("\n") < 100
    options = [option for option in ("--quick",) if f'"{option}"' in source]
    if '"--picture"' in source:
        options += ["--picture", str(tmp_path / "picture.png")]
    assert run_program(ROOT / example, *options, folder=tmp_path).strip()
    if "--picture" in options:
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_python_of_the_readme(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    for block in blocks:
        assert run_code(block, tmp_path).strip()


def test_the_two_commands_of_the_readme_name_what_exists() -> None:
    commands = re.findall(r"^python -m pip install .*$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    assert "-c tests/constraints.txt" in commands[0]
    assert "-c tests/constraints.txt" in commands[1]
    dataset = re.search(r"graphar anneal (\S+)", commands[0])
    assert dataset is not None
    assert (ROOT / dataset[1]).is_file()
    assert commands[1].endswith("python -m pytest -n 2")


def test_only_public_names_in_examples() -> None:
    for example in EXAMPLES:
        assert not re.search(r"graphar\.(_|\w+\._)|import _", (ROOT / example).read_text())
