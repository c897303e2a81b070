"""Compiled loops of the reductions: a graph that loses sites, and the way back.

Edges are pairs of half-edges e and e ^ 1 in doubly linked lists, one list a site, so that an edge goes in O(1). A fold
may leave parallel edges; they are added up when one of their ends is looked at next. A site is looked at again when
something beside it has changed: sites of few edges at once, others when nothing else is left to do, or a hub of n
edges would be read n times.

Every sum is made with its rounding error (Knuth's TwoSum), and these are added up: integers have none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphar._support.compile import njit

__all__ = ["CONTRACTED", "FIXED", "FOLDED", "Lists", "Steps", "reached", "reduce_lists", "restore_rows"]

FIXED, FOLDED, CONTRACTED = 0, 1, 2
_FEW = 8  # edges up to which a site is looked at at once


class Lists(NamedTuple):
    """A graph as linked lists of half-edges; see :func:`reduce_lists`."""

    first: Any  # half-edge at the head of each site's list, -1 for none
    length: Any  # half-edges in it, parallel ones counted
    after: Any
    before: Any
    target: Any  # the site at the other end
    coupling: Any
    field: Any
    live: Any
    error: Any  # sum of the absolute rounding errors, one entry


class Steps(NamedTuple):
    """Sites removed, in order: x_site = sgn(field + Σ coupling · x_to), +1 at 0."""

    site: Any
    kind: Any  # FIXED, FOLDED or CONTRACTED
    to: Any  # (steps, 3), -1 for none
    coupling: Any
    field: Any
    constant: Any  # what the energy of the best x_site leaves


@njit(cache=True)
def _add(x: float, y: float, error: Any) -> float:
    total = x + y
    part = total - x
    error[0] += abs((x - (total - part)) + (y - part))
    return total


@njit(cache=True)
def _unlink(g: Lists, site: int, e: int) -> None:
    if g.before[e] >= 0:
        g.after[g.before[e]] = g.after[e]
    else:
        g.first[site] = g.after[e]
    if g.after[e] >= 0:
        g.before[g.after[e]] = g.before[e]
    g.length[site] -= 1


@njit(cache=True)
def _link(g: Lists, site: int, e: int) -> None:
    head = g.first[site]
    g.after[e], g.before[e] = head, -1
    if head >= 0:
        g.before[head] = e
    g.first[site] = e
    g.length[site] += 1


@njit(cache=True)
def _join_parallel(g: Lists, site: int, mark: Any) -> None:
    """One edge to each neighbour, and none of coupling 0."""
    e = g.first[site]
    while e >= 0:
        following = g.after[e]
        other = g.target[e]
        if mark[other] < 0:
            mark[other] = e
        else:
            kept = mark[other]
            g.coupling[kept] = _add(g.coupling[kept], g.coupling[e], g.error)
            g.coupling[kept ^ 1] = g.coupling[kept]
            _unlink(g, site, e)
            _unlink(g, other, e ^ 1)
        e = following
    e = g.first[site]
    while e >= 0:
        following = g.after[e]
        other = g.target[e]
        mark[other] = -1
        if g.coupling[e] == 0:
            _unlink(g, site, e)
            _unlink(g, other, e ^ 1)
        e = following


@njit(cache=True)
def _fold(h: float, J: Any, walsh: Any, error: Any) -> None:
    """Coefficients of |h + J₀a + J₁b + J₂c| by the products of a (bit 0), b and c that they multiply, in ``walsh``."""
    for code in range(8):
        total = h
        for k in range(3):
            total = _add(total, J[k] if code >> k & 1 else -J[k], error)
        walsh[code] = abs(total)
    for k in range(2, -1, -1):
        half = 1 << k
        for code in range(8):
            if not code & half:
                down, up = walsh[code], walsh[code | half]
                walsh[code] = _add(down, up, error)
                walsh[code | half] = _add(up, -down, error)
    for code in range(8):
        walsh[code] *= 0.125


@njit(cache=True)
def reduce_lists(g: Lists, steps: Steps, max_degree: int) -> int:
    """Removes sites until no rule applies; returns the number of steps. Lists and steps are written in place."""
    n = len(g.first)
    mark = np.full(n, -1)
    queue, waiting = np.empty(n + 1, np.int64), np.empty(n, np.int64)
    queued = np.ones(n, np.bool_)
    head, tail, num_waiting = 0, n, 0
    for site in range(n):
        queue[site] = site
    count, live = 0, n
    J, walsh, local = np.zeros(3), np.zeros(8), np.zeros(1)
    near, slots = np.zeros(3, np.int64), np.zeros(3, np.int64)
    touched = np.empty(n, np.int64)
    while live > 1 and (head != tail or num_waiting):
        if head != tail:
            i = queue[head]
            head = head + 1 if head < n else 0
        else:
            num_waiting -= 1
            i = waiting[num_waiting]
        queued[i] = False
        if not g.live[i]:
            continue
        _join_parallel(g, i, mark)
        h, degree = g.field[i], g.length[i]
        local[0] = 0.0
        total, largest, e = 0.0, -1, g.first[i]
        while e >= 0:
            total = _add(total, abs(g.coupling[e]), local)
            if largest < 0 or abs(g.coupling[e]) > abs(g.coupling[largest]):
                largest = e
            e = g.after[e]
        num_touched = 0
        steps.site[count], steps.field[count] = i, h
        steps.to[count], steps.coupling[count] = -1, 0.0
        if abs(h) >= total + 2 * local[0]:
            s = 1.0 if h >= 0 else -1.0
            e = g.first[i]
            while e >= 0:
                k = g.target[e]
                g.field[k] = _add(g.field[k], s * g.coupling[e], g.error)
                _unlink(g, k, e ^ 1)
                touched[num_touched] = k
                num_touched += 1
                e = g.after[e]
            steps.kind[count], steps.field[count], steps.constant[count] = FIXED, s, -abs(h)
            g.live[i] = False
        else:
            if degree <= max_degree:
                J[:], e, d = 0.0, g.first[i], 0
                while e >= 0:
                    J[d], near[d], slots[d] = g.coupling[e], g.target[e], e
                    d += 1
                    e = g.after[e]
                local[0] = 0.0
                _fold(h, J, walsh, local)
                if walsh[7] == 0:
                    g.error[0] += local[0]
                    for a in range(d):
                        steps.to[count, a], steps.coupling[count, a] = near[a], J[a]
                        _unlink(g, near[a], slots[a] ^ 1)
                        g.field[near[a]] = _add(g.field[near[a]], walsh[1 << a], g.error)
                        touched[a] = near[a]
                    num_touched = d
                    used = 0
                    for a in range(d):
                        for b in range(a + 1, d):
                            new = walsh[1 << a | 1 << b]
                            if new != 0:
                                e = slots[used]
                                used += 1
                                g.coupling[e], g.coupling[e ^ 1] = new, new
                                g.target[e], g.target[e ^ 1] = near[b], near[a]
                                _link(g, near[a], e)
                                _link(g, near[b], e ^ 1)
                    steps.kind[count], steps.constant[count] = FOLDED, -walsh[0]
                    g.live[i] = False
            if g.live[i] and degree > 0:
                local[0] = 0.0
                rest, e = abs(h), g.first[i]
                while e >= 0:
                    if e != largest:
                        rest = _add(rest, abs(g.coupling[e]), local)
                    e = g.after[e]
                if abs(g.coupling[largest]) >= rest + 2 * local[0]:
                    gone, kept, e = i, g.target[largest], largest
                    if g.length[kept] < g.length[gone]:
                        gone, kept, e = kept, gone, largest ^ 1
                    s = 1.0 if g.coupling[e] > 0 else -1.0
                    constant = -abs(g.coupling[e])
                    _unlink(g, gone, e)
                    _unlink(g, kept, e ^ 1)
                    steps.site[count], steps.field[count] = gone, 0.0
                    steps.to[count, 0], steps.coupling[count, 0] = kept, s
                    steps.kind[count], steps.constant[count] = CONTRACTED, constant
                    g.field[kept] = _add(g.field[kept], s * g.field[gone], g.error)
                    e = g.first[gone]
                    while e >= 0:
                        following = g.after[e]
                        k = g.target[e]
                        g.coupling[e] *= s
                        g.coupling[e ^ 1] = g.coupling[e]
                        g.target[e ^ 1] = kept
                        _link(g, kept, e)
                        if not queued[k]:  # at once, as a site not yet joined may stand here several times
                            queued[k] = True
                            if g.length[k] <= _FEW:
                                queue[tail] = k
                                tail = tail + 1 if tail < n else 0
                            else:
                                waiting[num_waiting] = k
                                num_waiting += 1
                        e = following
                    touched[0] = kept
                    num_touched = 1
                    g.live[gone] = False
        if num_touched or not g.live[i]:
            count += 1
            live -= 1
        for a in range(num_touched):
            k = touched[a]
            if not queued[k]:
                queued[k] = True
                if g.length[k] <= _FEW:
                    queue[tail] = k
                    tail = tail + 1 if tail < n else 0
                else:
                    waiting[num_waiting] = k
                    num_waiting += 1
    if live == 1:
        for site in range(n):
            if g.live[site]:
                _join_parallel(g, site, mark)
    return count


@njit(cache=True)
def reached(g: Lists) -> Any:
    """Half-edges in the list of a site that is left."""
    found = np.zeros(len(g.target), np.bool_)
    for site in range(len(g.first)):
        if g.live[site]:
            e = g.first[site]
            while e >= 0:
                found[e] = True
                e = g.after[e]
    return found


@njit(cache=True, nogil=True)
def restore_rows(rows: Any, steps: Steps, count: int) -> None:
    """Writes the removed sites of configurations (rows, N), the last removed first."""
    for r in range(rows.shape[0]):
        x = rows[r]
        for t in range(count - 1, -1, -1):
            total = steps.field[t]
            for a in range(3):
                if steps.to[t, a] >= 0:
                    total += steps.coupling[t, a] * x[steps.to[t, a]]
            x[steps.site[t]] = 1 if total >= 0 else -1
