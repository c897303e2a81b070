"""Random numbers by counter in Triton: the words of :mod:`graphar.kernels.random_bits`, one by one."""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl

__all__ = ["random_words"]


@jit
def random_words(key, site, samples):  # type: ignore[no-untyped-def]
    """32 random bits, uint32, for a site and each of some samples: ``random_bits.words(key, site, …)``.

    Four samples share a lane of Philox, each its own word of it. Every element makes all four words and takes its own:
    words need not be passed between threads, and any shape of samples will do.

    Args:
        key: 64 bits, int64 or uint64.
        site: one integer, or integers of the shape of ``samples``.
        samples: their numbers in the stream, int64, of any shape.
    """
    samples = samples.to(tl.int64)
    lane, word = ((samples >> 6) << 4) + (samples & 15), (samples >> 4) & 3
    none = tl.zeros_like(lane).to(tl.uint32)
    low, high = (lane & 0xFFFFFFFF).to(tl.uint32), (lane >> 32).to(tl.uint32)
    a, b, c, d = tl.philox(key, low, none + site.to(tl.uint32), high, none)
    return tl.where(word < 2, tl.where(word == 0, a, b), tl.where(word == 2, c, d))
