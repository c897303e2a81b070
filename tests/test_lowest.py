"""What is tried as the lowest versions is what pyproject.toml allows."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
# built from source for minutes; run on one version alone; at odds with what the lowest torch asks for
NOT_TRIED = {"torch-scatter", "ruff", "mypy", "triton"}
EXTRAS = ("dimod", "metis", "planar", "test")


def test_the_pins_are_the_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds: dict[str, Version] = {}
    for text in [
        *project["dependencies"],
        *(each for name in EXTRAS for each in project["optional-dependencies"][name]),
    ]:
        requirement = Requirement(text)
        (specifier,) = requirement.specifier
        assert specifier.operator == ">=", text
        version = Version(specifier.version)
        assert bounds.setdefault(requirement.name, version) == version, text
    pins = {}
    for line in (ROOT / "tests/lowest.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, version_text = line.partition("==")
            pins[name] = Version(version_text)
    assert pins == {name: version for name, version in bounds.items() if name not in NOT_TRIED}
