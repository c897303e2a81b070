"""Random bits by counter, and the spins that they draw."""

from __future__ import annotations

import math

import pytest
import torch

from graphar.kernels import random_bits as philox
from graphar.kernels.reference.levels import decide


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_have_full_relative_precision_at_both_ends(dtype: torch.dtype) -> None:
    logit = torch.tensor([-30.0, 30.0, -1.0, 1.0, 0.0, 0.0], dtype=dtype)
    words = torch.tensor([0, 2**32 - 1, 0, 2**32 - 1, 2**31 - 2**9, 2**31 + 2**9])
    # a certain spin stays certain for the smallest and the largest word; any other turns there; zero is fair
    assert decide(logit, words).tolist() == [-1.0, 1.0, 1.0, -1.0, 1.0, -1.0]
    rising = decide(torch.linspace(-12, 12, 4001, dtype=dtype), torch.full((4001,), 2**30))
    assert bool((rising.diff() >= 0).all())
    assert rising.tolist().index(1.0) == pytest.approx(2000 + math.log(1 / 3) / 24 * 4000, abs=1)


def test_philox_gives_the_published_words() -> None:
    # known answers of the Random123 distribution: counter and key of zeros, of ones, and of digits of π
    cases = [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ]
    for counter, key, expected in cases:
        made = philox.block(key, tuple(torch.tensor(word) for word in counter))
        assert tuple(int(word) for word in made) == expected


def test_words_do_not_depend_on_how_a_stream_is_cut() -> None:
    sites = torch.tensor([5, 0, 7])
    whole = philox.words(99, sites, 0, 300)
    for first, count in ((0, 1), (37, 100), (63, 2), (64, 64), (258, 5), (250, 50)):
        assert torch.equal(philox.words(99, sites, first, count), whole[:, first : first + count])
    assert whole.unique().numel() == whole.numel()  # 900 words of 2^32: no repetition at this key
    assert bool(((whole >= 0) & (whole < 2**32)).all())
    assert not torch.equal(philox.words(100, sites, 0, 300), whole)
