"""The one way in for randomness: an explicit seed or generator."""

from __future__ import annotations

import torch

from graphar._checks import check_count

__all__ = ["check_seed", "make_generator"]


def make_generator(seed: int | None, generator: torch.Generator | None) -> torch.Generator:
    """A fresh CPU generator from ``seed``, or ``generator`` itself; exactly one of the two must be given."""
    if (seed is None) == (generator is None):
        raise ValueError(f"give either seed or generator, got seed={seed!r} and generator={generator!r}")
    if generator is not None:
        return generator
    return torch.Generator().manual_seed(check_seed(seed))


def check_seed(seed: int | None) -> int:
    """A seed: an integer of 0 … 2^63 − 1."""
    if check_count(seed, "seed", 0) >= 2**63:
        raise ValueError(f"seed must be less than 2**63, got {seed}")
    return int(seed or 0)
