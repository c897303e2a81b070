"""A search that nothing exact answers."""

from __future__ import annotations

import pytest

from graphar.solvers.search import portfolio
from graphar.solvers.search.members import FIRST_BUDGET


@pytest.fixture
def nothing_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The portfolio has to find it all, in turns that are short."""
    monkeypatch.setattr(portfolio, "FIRST_BUDGET", FIRST_BUDGET // 16)
    for name in ("by_elimination", "by_matching"):
        monkeypatch.setattr(portfolio, name, lambda graph, seconds: None)
    monkeypatch.setattr(portfolio, "by_parities", lambda graph: None)
