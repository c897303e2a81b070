"""Random words in Triton are those of the other kernels, word for word."""

from __future__ import annotations

import pytest
import torch

from graphar.kernels import random_bits

triton = pytest.importorskip("triton", minversion="3.7")

import triton.language as tl  # noqa: E402

from graphar.kernels.triton.philox import random_words  # noqa: E402


@triton.jit
def _write_words(key: tl.int64, sites, first: tl.int64, words, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    row, column = tl.program_id(0), tl.arange(0, BLOCK)
    made = random_words(key, tl.load(sites + row), first + column)
    tl.store(words + row * BLOCK + column, made.to(tl.int64))


@pytest.mark.parametrize(
    ("key", "first"), [(0, 0), (2**31, 1), (2**32 + 5, 192), (2**63 - 1, 2**34), (2**64 - 1, 2**34 + 2**36 - 64)]
)
def test_words_are_those_of_the_cpu(key: int, first: int) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sites = torch.tensor([5, 0, 7, 2**20], device=device)
    words = torch.empty(4, 256, dtype=torch.int64, device=device)
    _write_words[(4,)](key - 2**64 if key >> 63 else key, sites, first, words, BLOCK=256)
    assert torch.equal(words, random_bits.words(key, sites, first, 256))
