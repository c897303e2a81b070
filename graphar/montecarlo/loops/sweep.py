"""Sweeps of single-spin updates, heat bath or Metropolis, over the replicas of a block at once.

Imported where it is used, so that numba loads on first use. Spins of a block are (N, width), ±1 in float32, so that a
site's replicas are in one piece; the local fields of a row are sums of rows, and all that follows is elementwise.
"""

from __future__ import annotations

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import exp_of_negative
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.kernels.compiled.loops.simd import add_rows
from graphar.montecarlo.loops.gather import COLUMNS, add_neighbours
from graphar.montecarlo.loops.random import random_words, uniform_below
from graphar.montecarlo.plan import Terms

__all__ = [
    "HEAT_BATH",
    "METROPOLIS",
    "PROPOSED",
    "block_energy",
    "draw_spins",
    "sweep_block",
    "sweeps",
]

HEAT_BATH, METROPOLIS = 0, 1
PROPOSED = np.float32(0.875)
"""Share of the flips that Metropolis proposes. With all of them, in a fixed order, moves that cost nothing are always
made: two free spins would then flip together for ever, and a flat landscape would never be explored."""

_UNIT = np.float32(2.0**-32)


@njit(fastmath={"contract"}, error_model="numpy")
def draw_spins(words: np.ndarray, twice_beta: np.ndarray, field: np.ndarray, x: np.ndarray, flips: np.ndarray) -> None:
    """x = −sgn(f) with probability e/(1 + e), e = exp(−2β|f|): P(x) = σ(2βfx)."""
    half, one = np.float32(0.5), np.float32(1)
    for b in range(x.size):
        z = twice_beta[b] * field[b]
        e = exp_of_negative(z)
        sign = -one if z < 0 else one
        u = (np.float32(words[b]) + half) * _UNIT
        new = -sign if u * (one + e) < e else sign
        flips[b] += np.int32(new != x[b])
        x[b] = new


@njit(fastmath={"contract"}, error_model="numpy")
def _metropolis(words: np.ndarray, twice_beta: np.ndarray, field: np.ndarray, x: np.ndarray, flips: np.ndarray) -> None:
    """Flipped with probability λ min(1, exp(−2βfx)), λ the share of flips proposed."""
    half, one = np.float32(0.5), np.float32(1)
    for b in range(x.size):
        z = twice_beta[b] * field[b] * x[b]
        e = exp_of_negative(z) if z > 0 else one
        u = (np.float32(words[b]) + half) * _UNIT
        flip = u < PROPOSED * e
        flips[b] += np.int32(flip)
        x[b] = -x[b] if flip else x[b]


@njit(fastmath={"contract"})
def _add_many(terms: Terms, spins: np.ndarray, k: int, product: np.ndarray, field: np.ndarray) -> None:
    """Adds J Π x of the other sites of incidence k."""
    for b in range(product.size):
        product[b] = terms.many_weight[k]
    for o in range(terms.other_ptr[k], terms.other_ptr[k + 1]):
        row = spins[terms.other[o]]
        for b in range(product.size):
            product[b] *= row[b]
    for b in range(product.size):
        field[b] += product[b]


@njit(inline="always")
def _add_pairs(terms, spins, start, stop, field):  # type: ignore[no-untyped-def]
    if field.size % COLUMNS == 0:
        add_neighbours(spins, terms.neighbour, terms.weight, start, stop, field)
    else:
        add_rows(spins, terms.neighbour, terms.each, terms.weight, start, stop, field)


@njit(fastmath={"contract"}, inline="always")
def _field_of(terms, spins, site, product, field):  # type: ignore[no-untyped-def]
    """Local fields of a site in all replicas of a block, over scale."""
    for b in range(field.size):
        field[b] = terms.field[site]
    _add_pairs(terms, spins, terms.ptr[site], terms.ptr[site + 1], field)
    for k in range(terms.many_ptr[site], terms.many_ptr[site + 1]):
        _add_many(terms, spins, k, product, field)


@njit(fastmath={"contract"})
def _add_site_energy(x: np.ndarray, field: np.ndarray, scale: float, energy: np.ndarray) -> None:
    for b in range(x.size):
        energy[b] -= scale * (np.float64(x[b]) * np.float64(field[b]))


@njit(fastmath={"contract"}, inline="always")
def block_energy(terms, spins, product, field, energy):  # type: ignore[no-untyped-def]
    """Energies of the replicas of a block: each term at its first site, summed over sites in float64."""
    for b in range(energy.size):
        energy[b] = terms.offset
    for i in range(spins.shape[0]):
        for b in range(field.size):
            field[b] = terms.field[i]
        _add_pairs(terms, spins, terms.later[i], terms.ptr[i + 1], field)
        for k in range(terms.many_ptr[i], terms.many_ptr[i + 1]):
            if terms.many_first[k]:
                _add_many(terms, spins, k, product, field)
        _add_site_energy(spins[i], field, terms.scale, energy)


@njit(fastmath={"contract"}, inline="always")
def sweep_block(terms, rule, order, at_random, keys, step, first, spins, twice_beta, words, product, field, flips):  # type: ignore[no-untyped-def]
    """One update of each site in ``order``, or of as many sites drawn at random, the same for all replicas.

    Random bits of a spin are those of its site; of sites drawn at random, those of the place in the sweep.
    """
    n = order.size
    for t in range(n):
        if at_random and t % 64 == 0:
            random_words(keys[1], step, t, 0, words)
            for k in range(min(64, n - t)):
                order[t + k] = uniform_below(words[k], n)
        site = order[t]
        _field_of(terms, spins, site, product, field)
        random_words(keys[0], step, t if at_random else site, first, words)
        if rule == HEAT_BATH:
            draw_spins(words, twice_beta, field, spins[site], flips)
        else:
            _metropolis(words, twice_beta, field, spins[site], flips)


@njit(nogil=True, cache=True, fastmath={"contract"})
def sweeps(
    work: Work,
    terms: Terms,
    rule: int,
    order: np.ndarray,
    at_random: bool,
    keys: np.ndarray,
    step: int,
    count: int,
    spins: np.ndarray,
    twice_beta: np.ndarray,
    flips: np.ndarray,
    energy: np.ndarray,
) -> None:
    """``count`` sweeps of every block, from step ``step`` on.

    Args:
        terms: the Hamiltonian.
        rule: :data:`HEAT_BATH` or :data:`METROPOLIS`.
        order: of the sites in a sweep, (N,).
        at_random: whether sites are drawn at random instead.
        keys: of the spins' random bits, of the sites', and the number of the first replica, (3,).
        spins: (blocks, N, width), ±1, float32.
        twice_beta: 2β × scale, (1 or count, blocks × width), float32.
        flips: to which flips made are added, (blocks, width), int32.
        energy: written every ``count // len(energy)`` sweeps and after the last, (times, blocks × width).
    """
    width = spins.shape[2]
    scratch = np.zeros(-(-width // 64) * 64, np.uint32), np.zeros((2, width), np.float32), order.copy()
    words, rows, mine = borrowed(scratch)
    terms, spins, twice_beta, flips, energy, keys = borrowed((terms, spins, twice_beta, flips, energy, keys))
    product, field = rows[0], rows[1]
    stride = count // max(1, energy.shape[0])
    for block in shares(work, spins.shape[0]):
        x, first = spins[block], block * width
        replica = first + np.int64(keys[2])
        for s in range(count):
            beta = twice_beta[min(s, twice_beta.shape[0] - 1), first : first + width]
            sweep_block(
                terms, rule, mine, at_random, keys, step + s, replica, x, beta, words, product, field, flips[block]
            )
            left = count - 1 - s
            if energy.shape[0] and left % stride == 0 and left < stride * energy.shape[0]:
                at = energy.shape[0] - 1 - left // stride
                block_energy(terms, x, product, field, energy[at, first : first + width])
    hold(scratch)
