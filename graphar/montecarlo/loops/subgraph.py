"""Exact draws of the spins of random subgraphs; imported where they are used, so that numba loads on first use.

A subgraph is grown site by site. Its sites are summed out in the order opposite to that of their arrival, so that site
v leaves a table over P(v): its neighbours that came before it, and what sites after it hand on to it. A site may join
as long as no |P| exceeds the width.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphar._support.compile import njit
from graphar.kernels.compiled.loops.arithmetic import atanh_of_third, exp_of_negative
from graphar.kernels.compiled.loops.shares import Work, borrowed, hold, shares
from graphar.montecarlo.loops.random import philox, random_words, uniform_below
from graphar.montecarlo.loops.sweep import block_energy, draw_spins
from graphar.montecarlo.plan import Terms

__all__ = ["grow", "subgraph_sweeps"]

_NONE = np.uint64(0)


class Subgraph(NamedTuple):
    """Room for a subgraph of up to N sites.

    Attributes:
        site: in the order of their arrival, (N,).
        place: in this order of each site, −1 outside, (N,).
        parents: P of each place, rising, (N, width + 1).
        size: |P|, (N,).
        candidates, queued: sites to be tried, and those that have been, (N,).
        changed: places of which P was changed, (N,).
        before, before_size: their P as it was, (N, width + 1) and (N,).
    """

    site: np.ndarray
    place: np.ndarray
    parents: np.ndarray
    size: np.ndarray
    candidates: np.ndarray
    queued: np.ndarray
    changed: np.ndarray
    before: np.ndarray
    before_size: np.ndarray


@njit
def _new_subgraph(n: int, width: int) -> Subgraph:
    return Subgraph(
        np.zeros(n, np.int64),
        np.full(n, -1),
        np.zeros((n, width + 1), np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
        np.zeros(n, np.int64),
        np.zeros((n, width + 1), np.int64),
        np.zeros(n, np.int64),
    )


@njit
def _insert(parents: np.ndarray, size: int, place: int) -> int:
    """A place into a rising list that has room for it; the new size."""
    k = size
    while k > 0 and parents[k - 1] > place:
        k -= 1
    if k > 0 and parents[k - 1] == place:
        return size
    for m in range(size, k, -1):
        parents[m] = parents[m - 1]
    parents[k] = place
    return size + 1


@njit
def _join(sub: Subgraph, ptr: np.ndarray, neighbour: np.ndarray, site: int, v: int, width: int) -> bool:
    """Site at place v, if no |P| then exceeds the width; else all stays as it was."""
    size = 0
    for k in range(ptr[site], ptr[site + 1]):
        if sub.place[neighbour[k]] >= 0:
            if size == width:
                return False
            size = _insert(sub.parents[v], size, sub.place[neighbour[k]])
    sub.size[v] = size
    child, count = v, 0
    while sub.size[child] > 1:  # all but the last of P go to the last
        last = sub.parents[child, sub.size[child] - 1]
        sub.before[count], sub.before_size[count], sub.changed[count] = sub.parents[last], sub.size[last], last
        count += 1
        size = sub.size[last]
        for k in range(sub.size[child] - 1):
            size = _insert(sub.parents[last], size, sub.parents[child, k])
            if size > width:
                for c in range(count):
                    sub.parents[sub.changed[c]], sub.size[sub.changed[c]] = sub.before[c], sub.before_size[c]
                return False
        if size == sub.size[last]:
            break
        sub.size[last] = size
        child = last
    sub.site[v], sub.place[site] = site, v
    return True


@njit
def grow(sub: Subgraph, ptr: np.ndarray, neighbour: np.ndarray, width: int, key: np.uint64, step: int) -> int:
    """A subgraph around random sites that no further site can join in its turn; the number of its sites."""
    n = sub.site.size
    sub.place[:] = -1
    sub.queued[:] = False
    count, waiting, start = 0, 0, 0
    for turn in range(n):
        a, b, _, _ = philox(key, np.uint64(turn), _NONE, _NONE, np.uint64(step))
        if turn == 0:
            start = uniform_below(np.uint32(b), n)
        if not waiting:
            while sub.queued[start]:
                start = start + 1 if start + 1 < n else 0
            sub.candidates[0], sub.queued[start], waiting = start, True, 1
        k = uniform_below(np.uint32(a), waiting)
        site = sub.candidates[k]
        waiting -= 1
        sub.candidates[k] = sub.candidates[waiting]
        if not _join(sub, ptr, neighbour, site, count, width):
            continue
        count += 1
        for k in range(ptr[site], ptr[site + 1]):
            j = neighbour[k]
            if not sub.queued[j]:
                sub.queued[j] = True
                sub.candidates[waiting] = j
                waiting += 1
    return count


@njit(fastmath={"contract"}, error_model="numpy")
def _sum_out(
    beta: np.ndarray, field: np.ndarray, own: float, up: np.ndarray, down: np.ndarray, sums: np.ndarray
) -> None:
    """Log-odds into ``up`` and log-sums, with what the sites after this one have left in ``up`` and ``down``."""
    one, two = np.float32(1), np.float32(2)
    for b in range(beta.size):
        theta = beta[b] * (field[b] + own)
        high, low = up[b] + theta, down[b] - theta
        odds = high - low
        e = exp_of_negative(odds)
        sums[b] = (high if odds > 0 else low) + two * atanh_of_third(e / (two * one + e))
        up[b] = odds


@njit
def _add(row: np.ndarray, total: np.ndarray) -> None:
    for b in range(total.size):
        total[b] += row[b]


@njit(fastmath={"contract"})
def _outside(terms: Terms, sub: Subgraph, spins: np.ndarray, site: int, field: np.ndarray) -> None:
    """Field of a site from its own h and its neighbours outside the subgraph."""
    for b in range(field.size):
        field[b] = terms.field[site]
    for k in range(terms.ptr[site], terms.ptr[site + 1]):
        if sub.place[terms.neighbour[k]] < 0:
            row, weight = spins[terms.neighbour[k]], terms.weight[k]
            for b in range(field.size):
                field[b] += weight * row[b]


@njit
def _couplings(terms: Terms, sub: Subgraph, v: int, own: np.ndarray) -> None:
    """Coupling of a place with each of P, 0 where they are no neighbours."""
    own[:] = 0
    site = sub.site[v]
    for k in range(terms.ptr[site], terms.ptr[site + 1]):
        place = sub.place[terms.neighbour[k]]
        if 0 <= place < v:
            for p in range(sub.size[v]):
                if sub.parents[v, p] == place:
                    own[p] = terms.weight[k]


@njit
def _hand_on(sub: Subgraph, v: int, first: np.ndarray, sums: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Adds the table of a place, over P, to the tables of the last of P."""
    size = sub.size[v] - 1
    last = sub.parents[v, size]
    for code in range(1 << sub.size[last]):
        mine = 0
        k = 0
        for p in range(sub.size[last]):
            if k < size and sub.parents[last, p] == sub.parents[v, k]:
                mine |= (code >> p & 1) << k
                k += 1
        _add(sums[mine], down[first[last] + code])
        _add(sums[mine | 1 << size], up[first[last] + code])


@njit
def _draw(terms, sub, count, first, spins, beta, up, down, room, key, step, lane, flips):  # type: ignore[no-untyped-def]
    """All sites of a subgraph anew, from their exact distribution given the others."""
    terms, sub, first, spins, beta, up, down, flips = borrowed((terms, sub, first, spins, beta, up, down, flips))
    sums, field, own, ones, logit, code, words = borrowed(room)
    width = spins.shape[1]
    for v in range(count - 1, -1, -1):
        _outside(terms, sub, spins, sub.site[v], field)
        _couplings(terms, sub, v, own)
        for c in range(1 << sub.size[v]):
            total = np.float32(0)
            for p in range(sub.size[v]):
                total += own[p] if c >> p & 1 else -own[p]
            _sum_out(beta, field, total, up[first[v] + c], down[first[v] + c], sums[c])
        if sub.size[v]:
            _hand_on(sub, v, first, sums, up, down)
    for v in range(count):
        code[:] = first[v]
        for p in range(sub.size[v]):
            row = spins[sub.site[sub.parents[v, p]]]
            for b in range(width):
                code[b] += (row[b] > 0) << p
        for b in range(width):
            logit[b] = up[code[b], b]
        random_words(key, step, sub.site[v], lane, words)
        draw_spins(words, ones, logit, spins[sub.site[v]], flips)


@njit(nogil=True, cache=True, fastmath={"contract"})
def subgraph_sweeps(
    work: Work,
    terms: Terms,
    largest: int,
    keys: np.ndarray,
    step: int,
    count: int,
    spins: np.ndarray,
    twice_beta: np.ndarray,
    flips: np.ndarray,
    energy: np.ndarray,
) -> None:
    """``count`` subgraphs of width at most ``largest``, else as :func:`graphar.montecarlo.loops.sweep.sweeps`."""
    n, width = spins.shape[1], spins.shape[2]
    sub = _new_subgraph(n, largest)
    first = np.zeros(n + 1, np.int64)
    room = (
        np.zeros((1 << largest, width), np.float32),
        np.zeros(width, np.float32),
        np.zeros(largest + 1, np.float32),
        np.ones(width, np.float32),
        np.zeros(width, np.float32),
        np.zeros(width, np.int64),
        np.zeros(-(-width // 64) * 64, np.uint32),
    )
    beta, product, field = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.float32)
    up, down = np.zeros((n, width), np.float32), np.zeros((n, width), np.float32)
    stride = count // max(1, energy.shape[0])
    for block in shares(work, spins.shape[0]):
        lane = block * width
        replica = lane + np.int64(keys[2])
        for s in range(count):
            size = grow(sub, terms.ptr, terms.neighbour, largest, keys[1], step + s)
            for v in range(size):
                first[v + 1] = first[v] + (1 << sub.size[v])
            if first[size] > up.shape[0]:
                up, down = np.zeros((first[size], width), np.float32), np.zeros((first[size], width), np.float32)
            up[: first[size]] = 0
            down[: first[size]] = 0
            for b in range(width):
                beta[b] = np.float32(0.5) * twice_beta[min(s, twice_beta.shape[0] - 1), lane + b]
            _draw(
                terms, sub, size, first, spins[block], beta, up, down, room, keys[0], step + s, replica, flips[block]
            )  # fmt: skip
            left = count - 1 - s
            if energy.shape[0] and left % stride == 0 and left < stride * energy.shape[0]:
                at = energy.shape[0] - 1 - left // stride
                block_energy(terms, spins[block], product, field, energy[at, lane : lane + width])
    hold(room)
