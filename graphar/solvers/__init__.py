"""What finds configurations of low energy, and says how good they are."""

from __future__ import annotations

from typing import Any

__all__ = ["GrapharSampler"]


def __getattr__(name: str) -> Any:
    """``GrapharSampler`` when it is asked for, as it needs dimod (extra ``dimod``)."""
    if name != "GrapharSampler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphar.solvers.sampler import GrapharSampler

    return GrapharSampler
