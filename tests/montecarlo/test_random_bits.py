"""Random bits of the loops are those of the reference Philox, by replica, site and step."""

from __future__ import annotations

import numpy as np
import torch

from graphar.kernels.random_bits import block, words


def test_words_are_philox_by_lane_site_and_step() -> None:
    from graphar.montecarlo.loops.random import random_words

    key, first, site = 0x0123456789ABCDEF, 128, 7
    for step in (0, 3, 2**32 - 1):
        found = np.zeros(128, np.uint32)
        random_words(np.uint64(key), step, site, first, found)
        lanes = torch.arange(first // 4, first // 4 + 32)
        zero = torch.zeros_like(lanes)
        parts = torch.stack(block(key, (lanes, zero + site, zero, zero + step)))  # (words, lanes)
        expected = parts.unflatten(1, (2, 16)).transpose(0, 1).flatten()
        assert torch.equal(torch.from_numpy(found.astype(np.int64)), expected)
        if step == 0:
            assert torch.equal(expected, words(key, torch.tensor([site]), first, 128)[0])
