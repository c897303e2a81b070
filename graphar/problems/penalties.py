"""How strong penalties are: factors on the least strength that makes the best answers feasible."""

from __future__ import annotations

from graphar._support.checks import check_positive

__all__ = ["check_penalty"]


def check_penalty(penalty: float) -> float:
    """A factor above 1, so that breaking a rule never pays."""
    factor = check_positive(penalty, "penalty")
    if factor <= 1:
        raise ValueError(
            f"penalty must be above 1, where breaking a rule would pay as much as keeping it, got {factor:g}"
        )
    return factor
