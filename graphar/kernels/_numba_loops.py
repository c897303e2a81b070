"""Compiled loop of the sampler; imported only by `numba_cpu`, so that numba loads on first use."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

__all__ = ["draw"]


@njit(parallel=True, cache=True, fastmath={"contract"})
def draw(
    width: int,
    threshold: np.ndarray,
    constant: np.ndarray,
    local_weight: np.ndarray,
    local_row: np.ndarray,
    weight: np.ndarray,
    pair_ptr: np.ndarray,
    pair_row: np.ndarray,
    reads_spins: bool,
    send_ptr: np.ndarray,
    before: np.ndarray,
    coupling: np.ndarray,
    spins: np.ndarray,
    logits: np.ndarray,
    fields: np.ndarray,
) -> None:
    """Spins, logits and local messages (N, batch), block of samples by block, each block's messages in cache."""
    num_spins, batch = threshold.shape
    num_arrivals = coupling.size
    for block in prange((batch + width - 1) // width):
        start = block * width
        size = min(width, batch - start)
        arrivals = np.zeros((num_arrivals + 1, width), threshold.dtype)
        drawn = np.zeros((num_spins, width), threshold.dtype)
        rows = drawn if reads_spins else arrivals
        total = np.empty(width, threshold.dtype)
        for i in range(num_spins):
            here = arrivals[local_row[i]]
            for b in range(width):
                total[b] = constant[i] + local_weight[i] * here[b]
            pair, last = pair_ptr[i], pair_ptr[i + 1]
            while pair + 4 <= last:  # four messages a pass: the running sum is loaded and stored once
                w0, w1, w2, w3 = weight[pair], weight[pair + 1], weight[pair + 2], weight[pair + 3]
                m0, m1 = rows[pair_row[pair]], rows[pair_row[pair + 1]]
                m2, m3 = rows[pair_row[pair + 2]], rows[pair_row[pair + 3]]
                for b in range(width):
                    total[b] += w0 * m0[b] + w1 * m1[b] + w2 * m2[b] + w3 * m3[b]
                pair += 4
            while pair < last:
                w0, m0 = weight[pair], rows[pair_row[pair]]
                for b in range(width):
                    total[b] += w0 * m0[b]
                pair += 1
            x = drawn[i]
            for b in range(size):
                x[b] = 1.0 if total[b] > threshold[i, start + b] else -1.0
            for b in range(size):
                spins[i, start + b] = x[b]
                logits[i, start + b] = total[b]
                fields[i, start + b] = here[b]
            for send in range(send_ptr[i], send_ptr[i + 1]):
                received, strength = arrivals[before[send]], coupling[send]
                for b in range(width):
                    arrivals[send, b] = received[b] + strength * x[b]
