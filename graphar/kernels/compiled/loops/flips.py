"""Compiled changes of log q by single flips, where logits are linear in earlier spins; imported where it is used."""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.flip_plans import ReadWeights
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.spin import LOG_EVERY, decay_of

__all__ = ["flips", "read_weights"]


@njit(nogil=True, cache=True)
def read_weights(
    lists: ReadWeights, local: np.ndarray, pairs: np.ndarray, coupling: np.ndarray, found: np.ndarray
) -> None:
    """What each spin that is read weighs in its reader's logit, by entry of ``lists``."""
    total = np.zeros(local.size, found.dtype)
    for j in range(local.size):
        for p in range(lists.pair_ptr[j], lists.pair_ptr[j + 1]):
            if lists.by_message:
                for k in range(lists.arrival_ptr[lists.pair_target[p]], lists.pair_source[p] + 1):
                    total[lists.arrival_source[k]] += pairs[p] * coupling[k]
            else:
                total[lists.pair_source[p]] += pairs[p]
        for k in range(lists.arrival_ptr[j], lists.arrival_ptr[j + 1]):
            total[lists.arrival_source[k]] += local[j] * coupling[k]
        for e in range(lists.ptr[j], lists.ptr[j + 1]):
            found[e] = total[lists.read[e]]
            total[lists.read[e]] = 0


@njit(fastmath={"contract"}, error_model="numpy")
def _add_change(
    weight: float, x: np.ndarray, y: np.ndarray, logit: np.ndarray, decay: np.ndarray, gain: np.ndarray,
    new: np.ndarray, old: np.ndarray,
) -> None:  # fmt: skip
    """log σ(y (logit − 2 weight x)) − log σ(y logit), its logarithms left as factors of ``new`` and ``old``."""
    one, zero = logit.dtype.type(1), logit.dtype.type(0)
    for b in range(x.size):
        before = y[b] * logit[b]
        after = before - (weight + weight) * x[b] * y[b]
        gain[b] += np.float64(min(after, zero)) - np.float64(min(before, zero))
        new[b] *= np.float64(one) + np.float64(exp_of_negative(after))
        old[b] *= np.float64(one) + np.float64(decay[b])


@njit
def _take_log(gain: np.ndarray, new: np.ndarray, old: np.ndarray) -> None:
    gain += np.log(old) - np.log(new)
    new[:] = 1
    old[:] = 1


@njit(nogil=True, cache=True, fastmath={"contract"})
def flips(
    work: Work, ptr: np.ndarray, reader: np.ndarray, weight: np.ndarray, spins: np.ndarray, logits: np.ndarray,
    found: np.ndarray,
) -> None:  # fmt: skip
    """log q(x^i) − log q(x) of every spin i: that of its own conditional, −x_i logit_i, and of those that read it."""
    ptr, reader, weight, spins, logits, found = borrowed((ptr, reader, weight, spins, logits, found))
    blocks, num_spins, width = spins.shape
    scratch = np.empty((num_spins, width), logits.dtype), np.ones((2, width))
    decay, (new, old) = borrowed(scratch)
    for block in shares(work, blocks):
        for j in range(num_spins):
            decay_of(logits[block, j], decay[j])
        for i in range(num_spins):
            x, gain = spins[block, i], found[block, i]
            for b in range(width):
                gain[b] = -np.float64(x[b]) * np.float64(logits[block, i, b])
            for k in range(ptr[i], ptr[i + 1]):
                j = reader[k]
                _add_change(weight[k], x, spins[block, j], logits[block, j], decay[j], gain, new, old)
                if (k - ptr[i]) % LOG_EVERY == LOG_EVERY - 1:
                    _take_log(gain, new, old)
            _take_log(gain, new, old)
    hold(scratch)
