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
TEXTS = {example: (ROOT / example).read_text() for example in EXAMPLES}
README = (ROOT / "README.md").read_text()


def is_part(example: Path) -> bool:
    """No program of its own: another one imports it, and is run."""
    imported = re.compile(rf"^(from|import) {example.stem}\b", re.MULTILINE)
    beside = [other for other in EXAMPLES if other.parent == example.parent and other != example]
    return "__main__" not in TEXTS[example] and any(imported.search(TEXTS[other]) for other in beside)


PROGRAMS = [example for example in EXAMPLES if not is_part(example)]
# what starts processes, or counts the memory of its own, shares none
ALONE = re.compile(r"multiprocessing|subprocess|import resource|ga\.sweep|os\.environ|^from race import", re.MULTILINE)


@pytest.mark.parametrize("example", PROGRAMS, ids=str)
def test_example(example: Path, tmp_path: Path) -> None:
    source = TEXTS[example]
    options = [option for option in ("--quick",) if f'"{option}"' in source]
    if '"--picture"' in source:
        options += ["--picture", str(tmp_path / "picture.png")]
    shared = ALONE.search(source) is None
    assert run_program(ROOT / example, *options, folder=tmp_path, shared=shared).strip()
    if "--picture" in options:
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_examples_are_short() -> None:
    assert {str(example): TEXTS[example].count("\n") for example in EXAMPLES if TEXTS[example].count("\n") >= 100} == {}


def test_programs_that_share_a_process_have_their_own_output_and_errors(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("name = 'first'")
    program, other = tmp_path / "program.py", tmp_path / "other" / "program.py"
    program.write_text("import sys, beside, torch\nprint(__name__, beside.name, sys.argv[1:], torch.get_num_threads())")
    other.parent.mkdir()
    other.with_name("beside.py").write_text("name = 'second'")
    other.write_text("import beside, torch\ntorch.set_num_threads(7)\nprint(beside.name)\nraise SystemExit(3)")
    assert run_program(program, "--quick", folder=tmp_path, shared=True) == "__main__ first ['--quick'] 1\n"
    with pytest.raises(AssertionError, match=r"program\.py ended with 3"):
        run_program(other, folder=tmp_path, shared=True)
    other.write_text("import beside, warnings\nwarnings.simplefilter('error')\nprint(beside.name)")
    assert run_program(other, folder=tmp_path, shared=True) == "second\n"
    assert run_program(program, folder=tmp_path, shared=True) == "__main__ first [] 1\n"


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
    continuous = (ROOT / ".ci" / "run").read_text()
    install, test = commands[1].removeprefix("python -m pip install ").split(" && ")
    assert f" {install}\n" in continuous
    assert f"\n{test}\n" in continuous


def test_only_public_names_in_examples() -> None:
    for example in EXAMPLES:
        assert not re.search(r"graphar\.(_|\w+\._)|import _", TEXTS[example])
