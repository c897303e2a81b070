"""Large independent sets by degrees and exchanges: what races ga.solve on them.

python examples/benchmarks/race_sets.py [--size 10000] [--seconds 5]    # its share of the vertices of 3-regular graphs
"""

import argparse
import time

import numpy as np
from numba import njit
from race_exchanges import iterate
from scipy.sparse import coo_array

import graphar as ga


@njit(nogil=True, cache=True)
def by_degree(start, others, shuffled, chosen):
    """Vertices of least degree first, each time in what is left of the graph; ties at random."""
    n, degree = len(chosen), np.diff(start)
    head, after, held = np.full(degree.max() + 1, -1), np.empty(n + len(others), np.int64), np.arange(n + len(others))
    gone, entries = np.zeros(n, np.bool_), n
    for v in shuffled:
        head[degree[v]], after[v] = v, head[degree[v]]
    d = 0
    while d < len(head):
        if head[d] < 0:
            d += 1
            continue
        v, head[d] = held[head[d]], after[head[d]]
        if gone[v]:
            continue
        chosen[v] = gone[v] = True
        for u in others[start[v] : start[v + 1]]:
            if not gone[u]:
                gone[u] = True
                for w in others[start[u] : start[u + 1]]:
                    if not gone[w]:
                        degree[w] -= 1
                        held[entries], after[entries], head[degree[w]] = w, head[degree[w]], entries
                        entries, d = entries + 1, min(d, degree[w])


def exchanges(made, insertions, seed, seconds):
    """Spins of the best set after each tenth of a second or so; ``insertions`` of random vertices at a time."""
    i, j = made.graph.edge_index.numpy()
    n = made.graph.num_spins
    table = coo_array((np.ones(len(i)), (i, j)), shape=(n, n)).tocsr()
    start, others, log = (
        table.indptr.astype(np.int64),
        table.indices.astype(np.int64),
        np.empty(16 * n + 1024, np.int64),
    )
    rng = np.random.default_rng(seed)
    by_degree(start, others, np.arange(0), np.zeros(n, bool))  # loads the loops
    iterate(start, others, np.zeros(n, bool), np.zeros(n, bool), log, insertions, 0, 0)

    def again():
        chosen = np.zeros(n, bool)
        by_degree(start, others, rng.permutation(n), chosen)
        best = chosen.copy()
        while True:
            yield np.where(best, 1, -1).astype(np.int8)[None]
            iterate(start, others, chosen, best, log, insertions, max(2**15, n), int(rng.integers(2**31)))

    return again()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--quick", action="store_true", help="a small graph, at once")
    options = parser.parse_args()
    size, seconds = (100, 0.0) if options.quick else (options.size, options.seconds)
    made = ga.problems.IndependentSet(ga.random_regular(size, degree=3, couplings=1.0, seed=0))
    for insertions in (1, 2, 4):
        found = exchanges(made, insertions, 0, seconds)
        first, end = next(found), time.monotonic()
        while time.monotonic() < end + seconds:
            last = next(found)
        last = next(found)
        assert made.feasible(made.decode(last[0]))
        shares = [(spins > 0).mean() for spins in (first, last)]
        print(f"{insertions} insertions: {shares[0]:.5f} by degree, {shares[1]:.5f} after exchanges")
