"""Compiled loops of race_sets.py: iterated exchanges of one vertex of an independent set for two.

D. V. Andrade, M. G. C. Resende and R. F. Werneck, J. Heuristics 18, 525 (2012).
"""

import numpy as np
from numba import njit

# ruff: noqa: NPY002 - numpy's old random numbers are those that compiled loops have


@njit(nogil=True, cache=True)
def flip(v, start, others, chosen, tight, log, state):
    """Take a vertex in or out and note it; ``state`` counts notes, vertices of this set and of the best."""
    chosen[v] = not chosen[v]
    log[state[0]], state[0] = v, state[0] + 1
    state[1] += 1 if chosen[v] else -1
    for e in range(start[v], start[v + 1]):
        tight[others[e]] += 1 if chosen[v] else -1


@njit(nogil=True, cache=True)
def exchange(x, start, others, chosen, tight, log, state):
    """One chosen vertex for two of those that it alone keeps out, where two have no edge between them."""
    for a in range(start[x], start[x + 1]):
        u = others[a]
        if tight[u] == 1:
            for b in range(a + 1, start[x + 1]):
                w = others[b]
                if tight[w] == 1 and not (others[start[u] : start[u + 1]] == w).any():
                    for v in (x, u, w):
                        flip(v, start, others, chosen, tight, log, state)
                    return


@njit(nogil=True, cache=True)
def iterate(start, others, chosen, best, log, insertions, steps, seed):
    """Random insertions and the exchanges that follow, undone where they lose, but for some."""
    np.random.seed(seed)
    n, tight, state = len(chosen), np.zeros(len(chosen), np.int64), np.zeros(3, np.int64)
    for v in range(n):
        state[1] += chosen[v]
        for u in others[start[v] : start[v + 1]]:
            tight[u] += chosen[v]
    state[2], seen = best.sum(), 0
    for _ in range(steps):
        before, state[0], seen = state[1], 0, 0
        for _ in range(insertions):
            v = np.random.randint(n)
            if not chosen[v]:
                for e in range(start[v], start[v + 1]):
                    if chosen[others[e]]:
                        flip(others[e], start, others, chosen, tight, log, state)
                flip(v, start, others, chosen, tight, log, state)
        while seen < state[0] < 8 * n:  # what has changed, and the chosen vertices around it
            v, seen = log[seen], seen + 1
            if chosen[v]:
                exchange(v, start, others, chosen, tight, log, state)
                continue
            for e in range(start[v], start[v + 1]):
                u = others[e]
                if not chosen[u] and tight[u] == 0:
                    flip(u, start, others, chosen, tight, log, state)
                elif tight[u] == 1 and not chosen[u]:
                    for f in range(start[u], start[u + 1]):
                        if chosen[others[f]]:
                            exchange(others[f], start, others, chosen, tight, log, state)
                            break
        lost = before - state[1]
        if lost > 0 and np.random.random() * (1 + lost * (max(before, state[2]) - state[1])) >= 1:
            while state[0] > 0:
                v = log[state[0] - 1]
                flip(v, start, others, chosen, tight, log, state)
                state[0] -= 2
        elif state[1] > state[2]:
            best[:], state[2] = chosen, state[1]
