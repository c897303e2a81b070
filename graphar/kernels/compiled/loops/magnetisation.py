"""Compiled loops of heads that read the running magnetisation; imported where it is used, as it loads numba.

Blocks of samples are those of :mod:`graphar.kernels.compiled.loops.linear`.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative, random_words
from graphar.kernels.compiled.loops.linear import (
    LOG_EVERY,
    _add_energy,
    _decay,
    _dot,
    _draw,
    _slope,
    add_log_prob,
    new_stream,
)
from graphar.kernels.compiled.loops.shares import borrowed, shares
from graphar.kernels.compiled.loops.simd import add_rows

__all__ = ["gradient", "walk"]


@njit(fastmath=False, error_model="numpy")  # unless told, it would take over its callers' fastmath
def _phi(field: float, coupling: float, gain: float, tanh: bool, M: np.ndarray, phi: np.ndarray) -> None:
    """φ(gain × (h_i + J̄M)); with no multiply-add, which would round apart what must cancel for sgn(0) = 0."""
    one, zero, each = M.dtype.type(1), M.dtype.type(0), M.dtype.type(coupling)
    if tanh:
        for b in range(M.size):
            local = gain * (field + each * M[b])
            e = exp_of_negative(local + local)
            size = (one - e) / (one + e)
            phi[b] = -size if local < zero else size
    else:
        for b in range(M.size):
            local = field + each * M[b]
            phi[b] = (one if local > zero else zero) - (one if local < zero else zero)


@njit(fastmath={"contract"})
def _line(constant: float, slope: float, row: np.ndarray, total: np.ndarray) -> None:
    for b in range(total.size):
        total[b] = constant + slope * row[b]


@njit(fastmath={"contract"})
def _add_product(weight: float, row: np.ndarray, total: np.ndarray) -> None:
    for b in range(total.size):
        total[b] += weight * row[b]


@njit
def _entry(i: int, M: float) -> np.int64:
    """Where M_i stands among the entries (i, M_i), M_i = −i, −i + 2, …, i."""
    return i * (i + 1) // 2 + ((np.int64(M) + i) >> 1)


@njit
def _look_up(i: int, M: np.ndarray, table: np.ndarray, logit: np.ndarray) -> None:
    for b in range(M.size):
        logit[b] = table[_entry(i, M[b])]


@njit(nogil=True, cache=True, fastmath={"contract"})
def walk(
    work: tuple[np.ndarray, int],
    plan: tuple[np.ndarray, ...],
    numbers: tuple[np.ndarray, ...],
    mean: float,
    tanh: bool,
    given: bool,
    keep: bool,
    key: np.uint64,
    first: int,
    spins: np.ndarray,
    magnetisation: np.ndarray,
    logits: np.ndarray,
    dlogq_dlogit: np.ndarray,
    log_prob: np.ndarray,
    energy: np.ndarray,
) -> None:
    """Spins, drawn or ``given``, their log q and, where drawn, energy; with ``keep`` also M_i and slopes.

    ``spins`` are (blocks, N, width), ``magnetisation``, ``dlogq_dlogit`` and ``logits`` too or empty, ``log_prob`` and
    ``energy`` (blocks, width). Couplings are by arrival, or one number for all pairs of spins;
    ``mean`` is the J̄ of φ.
    """
    plan, numbers, spins, magnetisation, logits = borrowed((plan, numbers, spins, magnetisation, logits))
    dlogq_dlogit, log_prob, energy = borrowed((dlogq_dlogit, log_prob, energy))
    sites, arrival_ptr, source, arrival = plan
    constant, slope, step, gain, table, field, coupling = numbers
    blocks, num_spins, width = spins.shape
    for block in shares(work, blocks):
        x, log_q = spins[block], log_prob[block]
        M, logit = np.zeros(width, x.dtype), np.zeros(width, x.dtype)
        decay, row = np.zeros(width, x.dtype), np.zeros(width, x.dtype)
        zero, one = x.dtype.type(0), x.dtype.type(1)
        product = np.ones(width, np.float64)
        _, aligned, words, mine = new_stream(key, first + block * width, width)
        for i in range(num_spins):
            if table.size:
                _look_up(i, M, table, logit)
            else:
                _line(constant[i], slope[i], M, logit)
                if step.size:
                    _phi(field[i], mean, gain[i] if gain.size else one, tanh, M, row)
                    _add_product(step[i], row, logit)
            if given:
                _decay(logit, decay)
            else:
                random_words(key, sites[i], aligned, words)
                _draw(mine, logit, decay, x[i])
                if coupling.size < source.size:
                    _line(zero, coupling[0], M, row)
                else:
                    row[:] = 0
                    add_rows(x, source, arrival, coupling, arrival_ptr[i], arrival_ptr[i + 1], row)
                _add_energy(row, field[i], x[i], energy[block])
            if keep:
                _slope(logit, decay, x[i], dlogq_dlogit[block, i])
                magnetisation[block, i] = M
            if logits.size:
                logits[block, i] = logit
            add_log_prob(logit, decay, x[i], log_q, product, i % LOG_EVERY == LOG_EVERY - 1 or i == num_spins - 1)
            for b in range(width):
                M[b] += x[i, b]


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(
    work: tuple[np.ndarray, int],
    numbers: tuple[np.ndarray, ...],
    mean: float,
    tanh: bool,
    magnetisation: np.ndarray,
    dlogq_dlogit: np.ndarray,
    factor: np.ndarray,
    by_slope: np.ndarray,
    by_step: np.ndarray,
    by_gain: np.ndarray,
    by_table: np.ndarray,
) -> None:
    """Derivatives of Σ_b factor_b log q_b by slope, step, gain and table, added to those of them with entries."""
    numbers, magnetisation, dlogq_dlogit, factor, by_slope = borrowed(
        (numbers, magnetisation, dlogq_dlogit, factor, by_slope)
    )
    by_step, by_gain, by_table = borrowed((by_step, by_gain, by_table))
    field, step, gain = numbers
    blocks, num_spins, width = dlogq_dlogit.shape
    for i in shares(work, num_spins):
        mine, phi = np.zeros(width, dlogq_dlogit.dtype), np.zeros(width, dlogq_dlogit.dtype)
        one, each = dlogq_dlogit.dtype.type(1), dlogq_dlogit.dtype.type(mean)
        for block in range(blocks):
            M = magnetisation[block, i]
            for b in range(width):
                mine[b] = dlogq_dlogit[block, i, b] * factor[block, b]
            if by_table.size:
                for b in range(width):
                    by_table[_entry(i, M[b])] += mine[b]
            if by_slope.size:
                by_slope[i] += _dot(mine, M)
            if by_step.size:
                _phi(field[i], mean, gain[i] if gain.size else one, tanh, M, phi)
                by_step[i] += _dot(mine, phi)
            if by_gain.size:
                for b in range(width):
                    mine[b] *= step[i] * (one - phi[b] * phi[b])
                    phi[b] = field[i] + each * M[b]
                by_gain[i] += _dot(mine, phi)
