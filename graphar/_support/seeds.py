"""The one way in for randomness: a seed or a generator, and for each purpose random bits of its own.

All random bits of one call follow from a key of 64 bits (:mod:`graphar.kernels.random_bits`), a hash of the seed, of
what the bits are for, and of how many calls went before. So no two purposes share bits, seeds that are equal modulo
2^32 are as different as any two, and the state of a stream is its count: step n of a run draws the same bits whether
the run was interrupted or not.
"""

from __future__ import annotations

import hashlib

import torch

from graphar._support.checks import check_count

__all__ = ["Source", "check_seed", "choose_first_seed", "choose_key", "hash_key", "make_generator"]

Source = int | torch.Generator
"""A key, or a generator that draws one."""


def hash_key(seed: int, purpose: str, count: int = 0) -> int:
    """Key number ``count`` of 64 bits, for one purpose of one seed.

    >>> hash_key(0, "training", 1) == hash_key(2**32, "training", 1)
    False
    """
    text = f"{purpose}/{count}/{seed}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def choose_key(seed: int | None, generator: torch.Generator | None, purpose: str) -> int:
    """Key by a seed, or by a draw of a generator: torch's default one where neither is given."""
    _check_one(seed, generator)
    if seed is not None:
        return hash_key(check_seed(seed), purpose)
    device = "cpu" if generator is None else generator.device
    return hash_key(int(torch.randint(2**63 - 1, (), generator=generator, device=device)), purpose)


def choose_first_seed(seed: int | None, generator: torch.Generator | None, purpose: str, count: int) -> int:
    """Seed of the first of ``count`` members, number k having this + k: the one given, or a draw of a generator.

    Where neither is given it is 0.
    """
    _check_one(seed, generator)
    if generator is not None:
        return choose_key(None, generator, purpose) >> 2
    first = check_seed(0 if seed is None else seed)
    if first + count > 2**63:
        raise ValueError(f"seed must leave room for {count} more below 2**63, got {seed}")
    return first


def make_generator(
    seed: int | None, generator: torch.Generator | None, purpose: str = "exact samples"
) -> torch.Generator:
    """A fresh CPU generator from a seed, or ``generator`` itself: torch's default one where neither is given.

    torch keeps 32 bits of what it is seeded with, here of a hash of all 64.
    """
    _check_one(seed, generator)
    if seed is not None:
        return torch.Generator().manual_seed(hash_key(check_seed(seed), purpose))
    return torch.default_generator if generator is None else generator


def check_seed(seed: int | None) -> int:
    """A seed: an integer of 0 … 2^63 − 1."""
    if check_count(seed, "seed", 0) >= 2**63:
        raise ValueError(f"seed must be less than 2**63, got {seed}")
    return int(seed or 0)


def _check_one(seed: int | None, generator: torch.Generator | None) -> None:
    if seed is not None and generator is not None:
        raise ValueError(f"give either seed or generator, not both, got seed={seed!r} and generator={generator!r}")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {type(generator).__name__}")
