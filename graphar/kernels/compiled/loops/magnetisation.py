"""Compiled loops of heads that read the running magnetisation; imported where it is used, as it loads numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.batch_layout import Batch, Drawn
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.spin import (
    add_energy,
    add_scaled,
    dot,
    field_of_earlier,
    finish_spin,
    line,
    new_drawing,
    weighted_slope,
)
from graphar.kernels.compiled.plans import MagnetisationPlan

__all__ = ["gradient", "sweep"]


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


@njit
def _entry(i: int, M: float) -> np.int64:
    """Where M_i stands among the entries (i, M_i), M_i = −i, −i + 2, …, i."""
    return i * (i + 1) // 2 + ((np.int64(M) + i) >> 1)


@njit
def _look_up(i: int, M: np.ndarray, table: np.ndarray, logit: np.ndarray) -> None:
    for b in range(M.size):
        logit[b] = table[_entry(i, M[b])]


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweep(work: Work, plan: MagnetisationPlan, numbers: Any, batch: Batch, rows: Any) -> None:
    """Spins, drawn or given, their log q and, where drawn, energy; with ``keep`` also M_i, in ``rows``, and slopes.

    Couplings are by arrival, or one number for all pairs of spins.
    """
    plan, numbers, batch, (magnetisation,) = borrowed((plan, numbers, batch, rows))
    ranks, coupling, step, gain = plan.ranks, batch.coupling, numbers.step, numbers.gain
    blocks, num_spins, width = batch.spins.shape
    constant = batch.spins.dtype.type(2 * batch.beta) * batch.field
    for block in shares(work, blocks):
        x = batch.spins[block]
        zero, one = x.dtype.type(0), x.dtype.type(1)
        scratch = (
            np.zeros(width, x.dtype),
            np.zeros(width, x.dtype),
            np.zeros(width, x.dtype),
            new_drawing(batch, block),
        )
        M, logit, row, drawing = borrowed(scratch)
        for i in range(num_spins):
            if numbers.table.size:
                _look_up(i, M, numbers.table, logit)
            else:
                line(constant[i], numbers.slope[i], M, logit)
                if step.size:
                    _phi(batch.field[i], plan.coupling, gain[i] if gain.size else one, plan.tanh, M, row)
                    add_scaled(step[i], row, logit)
            if batch.keep:
                magnetisation[block, i] = M
            finish_spin(i, i, ranks.site[i], logit, block, batch, drawing)
            if not batch.given:
                if coupling.size < ranks.source.size:
                    line(zero, coupling[0], M, row)
                else:
                    field_of_earlier(ranks, x, i, coupling, logit, row)
                add_energy(row, batch.field[i], x[i], batch.energy[block, batch.part[i]])
            for b in range(width):
                M[b] += x[i, b]
        hold(scratch)


@njit(nogil=True, cache=True, fastmath={"contract"})
def gradient(work: Work, plan: MagnetisationPlan, numbers: Any, drawn: Drawn, found: Any) -> None:
    """Derivatives of a batch by the coefficients, added to those that have entries."""
    plan, numbers, drawn, found = borrowed((plan, numbers, drawn, found))
    field, step, gain = drawn.field, numbers.step, numbers.gain
    blocks, num_spins, width = drawn.spins.shape
    scratch = np.zeros(width, field.dtype), np.zeros(width, field.dtype)
    mine, phi = borrowed(scratch)
    for i in shares(work, num_spins):
        one, each = field.dtype.type(1), field.dtype.type(plan.coupling)
        for block in range(blocks):
            M = drawn.rows[0][block, i]
            weighted_slope(drawn, block, i, mine)
            if found.table.size:
                for b in range(width):
                    found.table[_entry(i, M[b])] += mine[b]
            if found.slope.size:
                found.slope[i] += dot(mine, M)
            if found.step.size:
                _phi(field[i], plan.coupling, gain[i] if gain.size else one, plan.tanh, M, phi)
                found.step[i] += dot(mine, phi)
            if found.gain.size:
                for b in range(width):
                    mine[b] *= step[i] * (one - phi[b] * phi[b])
                    phi[b] = field[i] + each * M[b]
                found.gain[i] += dot(mine, phi)
    hold(scratch)
