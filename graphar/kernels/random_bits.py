r"""Random numbers by counter: the bits for a sample and a site depend on nothing else but the key.

Philox4x32-10: J. K. Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC'11,
`doi:10.1145/2063384.2063405 <https://doi.org/10.1145/2063384.2063405>`_. Ten rounds of

    (a, b, c, d) ← (hi(M₁ c) ⊕ b ⊕ k₀, lo(M₁ c), hi(M₀ a) ⊕ d ⊕ k₁, lo(M₀ a)),  k ← k + W

turn a counter (lane, site) and a key into four words. Sample s takes word ⌊s/16⌋ mod 4 of lane 16⌊s/64⌋ + s mod 16:
consecutive samples then lie in consecutive lanes of a vector register.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["KEY_STEPS", "LANES", "MULTIPLIERS", "ROUNDS", "WORDS", "block", "words"]

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LANES, WORDS = 16, 4
_MASK = 0xFFFFFFFF


def block(key: int, counter: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four words of Philox4x32-10 by a key of 64 bits, for counters of four words.

    Words are int64 tensors of numbers below 2^32.

    >>> zero = torch.zeros((), dtype=torch.int64)
    >>> [hex(int(word)) for word in block(0, (zero, zero, zero, zero))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    a, b, c, d = counter
    k0, k1 = key & _MASK, key >> 32
    for _ in range(ROUNDS):
        # products wrap around 2^64 in int64, which leaves all 64 bits right
        p0, p1 = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, b, c, d = ((p1 >> 32) & _MASK) ^ b ^ k0, p1 & _MASK, ((p0 >> 32) & _MASK) ^ d ^ k1, p0 & _MASK
        k0, k1 = (k0 + KEY_STEPS[0]) & _MASK, (k1 + KEY_STEPS[1]) & _MASK
    return a, b, c, d


def words(key: int, sites: Tensor, first: int, count: int) -> Tensor:
    """32 random bits for each site and each of ``count`` samples from ``first`` on, int64, (sites, count)."""
    group, device = LANES * WORDS, sites.device
    if first % group + count <= LANES:  # the first word of some lanes
        lane = torch.arange(first // group * LANES + first % group, first // group * LANES + first % group + count)
        lane, zero = lane.to(device), torch.zeros((), dtype=torch.int64, device=device)
        return block(key, (lane & _MASK, sites[:, None], lane >> 32, zero))[0].expand(len(sites), count)
    lane = torch.arange(first // group * LANES, -(-(first + count) // group) * LANES, device=device)
    zero = torch.zeros((), dtype=torch.int64, device=device)
    made = block(key, (lane & _MASK, sites[:, None], lane >> 32, zero))
    table = torch.stack([word.expand(sites.numel(), lane.numel()) for word in made], dim=1)  # (sites, words, lanes)
    samples = table.unflatten(2, (-1, LANES)).transpose(1, 2).flatten(1)
    return samples[:, first % group : first % group + count]
