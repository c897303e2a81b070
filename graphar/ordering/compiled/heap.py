"""Compiled binary heaps of sites, largest key first, whose keys may change while a site is in one.

Row r of each array belongs to heap r: ``heap[r, :count[r]]`` holds its sites, ``place[r, site]`` where (−1 when
outside), ``key[r, site]`` what they are compared by.
"""

from __future__ import annotations

from graphar._support.compile import njit
from graphar.ordering.adjacency import Ints

__all__ = ["heap_drop", "heap_fix", "heap_push"]

_SIGNATURE = "void(i8[:, ::1], i8[:, ::1], i8[:, ::1], i8[::1], i8, i8)"  # spares one compilation per constant argument


@njit(_SIGNATURE, cache=True)
def heap_fix(heap: Ints, place: Ints, key: Ints, count: Ints, r: int, site: int) -> None:
    """Moves ``site``, whose key has changed, to where it belongs."""
    at = place[r, site]
    while at > 0 and key[r, heap[r, (at - 1) // 2]] < key[r, site]:
        heap[r, at] = heap[r, (at - 1) // 2]
        place[r, heap[r, at]] = at
        at = (at - 1) // 2
    while 2 * at + 1 < count[r]:
        child = 2 * at + 1
        if child + 1 < count[r] and key[r, heap[r, child + 1]] > key[r, heap[r, child]]:
            child += 1
        if key[r, heap[r, child]] <= key[r, site]:
            break
        heap[r, at] = heap[r, child]
        place[r, heap[r, at]] = at
        at = child
    heap[r, at] = site
    place[r, site] = at


@njit(_SIGNATURE, cache=True)
def heap_push(heap: Ints, place: Ints, key: Ints, count: Ints, r: int, site: int) -> None:
    heap[r, count[r]] = site
    place[r, site] = count[r]
    count[r] += 1
    heap_fix(heap, place, key, count, r, site)


@njit(_SIGNATURE, cache=True)
def heap_drop(heap: Ints, place: Ints, key: Ints, count: Ints, r: int, site: int) -> None:
    count[r] -= 1
    at, last = place[r, site], heap[r, count[r]]
    place[r, site] = -1
    if last != site:
        heap[r, at] = last
        place[r, last] = at
        heap_fix(heap, place, key, count, r, last)
