"""Exchanges of parallel tempering in Triton: of temperatures, one program a system, and of clusters, one lane a pair.

Decisions and random bits are those of :mod:`graphar.montecarlo.loops.tempering`. A cluster, grown there from site to
site, is found here by passes over all sites, forth and back, that are repeated until none joins.
"""

from __future__ import annotations

from graphar.kernels.triton.compile import jit, tl

__all__ = ["exchange_clusters", "exchange_temperatures"]


@jit
def _pair_of_words(key, step, system, place):  # type: ignore[no-untyped-def]
    """The first two words of a system and a place."""
    a, b, _, _ = tl.philox(key, system.to(tl.uint32), place.to(tl.uint32), 0, step)
    return a, b


@jit
def exchange_temperatures(  # type: ignore[no-untyped-def]
    key: tl.int64,
    step: tl.int64,
    shift,
    betas,
    twice_beta,
    energy,
    spins,
    lanes,
    next_lanes,
    came_from,
    trips,
    counts,
    flips,
    best_energy,
    best,
    energies,
    beta,
    systems,
    n,
    columns,
    parts,
    T: tl.constexpr,
    SIZE: tl.constexpr,
    SITES: tl.constexpr,
):
    """Counts where lanes come from, keeps the lowest energy, and swaps neighbouring temperatures, every other pair.

    Args:
        key, step, shift: of the random bits, the step, and which pairs.
        betas, twice_beta: of the ladder, float64, and times 2 × scale, float32, (T,).
        energy: of each column, float64.
        lanes, next_lanes: columns of each system at each β, before and after, int64, (systems, T).
        came_from: of each column, int32; trips: of each system, int64, as of the compiled loops.
        counts: of each system at each β, int64, (6, systems, T): lanes from the hot and from the cold end, swaps made
            and tried, flips, and sites in clusters.
        flips: of each column since the last exchange, int64, (parts, columns); set to zero.
        best_energy, best: lowest met of each system, float64, and its spins, int8, (systems, N).
        energies: written at each β, float64, (T, systems).
        beta: written for each column, float32.
    """
    system = tl.program_id(0)
    step = step.to(tl.uint32)
    k = tl.arange(0, SIZE)
    inside = k < T
    at = system * T + k
    lane = tl.load(lanes + at, mask=inside, other=0)
    found = tl.load(energy + lane, mask=inside, other=float("inf"))
    tl.store(energies + k * systems + system, found, mask=inside)
    lowest = tl.min(found, 0)
    if lowest < tl.load(best_energy + system):
        tl.store(best_energy + system, lowest)
        where = tl.load(lanes + system * T + tl.argmin(found, 0))
        for first in range(0, n, SITES):
            site = (first + tl.arange(0, SITES)).to(tl.int64)
            x = tl.load(spins + site * columns + where, mask=site < n, other=1)
            tl.store(best + tl.cast(system, tl.int64) * n + site, x, mask=site < n)
    flipped = tl.zeros((SIZE,), tl.int64)
    for p in range(parts):
        flipped += tl.load(flips + tl.cast(p, tl.int64) * columns + lane, mask=inside, other=0)
        tl.store(flips + tl.cast(p, tl.int64) * columns + lane, tl.zeros((SIZE,), tl.int64), mask=inside)
    row = systems * T
    tl.store(counts + 4 * row + at, tl.load(counts + 4 * row + at, mask=inside) + flipped, mask=inside)
    if T > 1:
        came = tl.load(came_from + lane, mask=inside, other=0)
        ended = ((k == 0) & (came < 0)) | ((k == T - 1) & (came > 0))
        tl.store(trips + system, tl.load(trips + system) + tl.sum(ended.to(tl.int64), 0))
        came = tl.where(k == 0, 1, tl.where(k == T - 1, -1, came))
        tl.store(came_from + lane, came, mask=inside)
        tl.store(counts + at, tl.load(counts + at, mask=inside) + (came > 0).to(tl.int64), mask=inside)
        tl.store(counts + row + at, tl.load(counts + row + at, mask=inside) + (came < 0).to(tl.int64), mask=inside)
        low = k - ((k + shift) & 1)  # the hotter of a pair
        valid = (low >= 0) & (low + 1 < T)
        a = tl.load(lanes + system * T + low, mask=valid, other=0)
        b = tl.load(lanes + system * T + low + 1, mask=valid, other=0)
        step_beta = tl.load(betas + low + 1, mask=valid, other=0.0) - tl.load(betas + low, mask=valid, other=0.0)
        gain = step_beta * (tl.load(energy + b, mask=valid, other=0.0) - tl.load(energy + a, mask=valid, other=0.0))
        high, rest = _pair_of_words(key, step, system, low)
        u = ((rest.to(tl.float64) + 0.5) * 2.3283064365386963e-10 + high.to(tl.float64)) * 2.3283064365386963e-10
        swap = valid & ((gain >= 0) | (u < tl.exp(gain)))
        hot = (k == low) & valid
        made, tried = counts + 2 * row + at, counts + 3 * row + at
        tl.store(made, tl.load(made, mask=inside) + (swap & hot).to(tl.int64), mask=inside)
        tl.store(tried, tl.load(tried, mask=inside) + hot.to(tl.int64), mask=inside)
        lane = tl.where(swap, tl.where(k == low, b, a), lane)
    tl.store(next_lanes + at, lane, mask=inside)
    tl.store(beta + lane, tl.load(twice_beta + k, mask=inside, other=0.0), mask=inside)


@jit
def _join(ptr, neighbour, marks, room, q, inside, i):  # type: ignore[no-untyped-def]
    """Whether site i joins the clusters that a neighbour of it is in: marks are 1 where it can, 2 where it has."""
    own = tl.load(marks + i * room + q, mask=inside, other=0)
    near = tl.zeros_like(own)
    for t in range(tl.load(ptr + i), tl.load(ptr + i + 1)):
        near = tl.maximum(near, tl.load(marks + tl.load(neighbour + t) * room + q, mask=inside, other=0))
    joins = (own == 1) & (near == 2)
    tl.store(marks + i * room + q, tl.where(joins, 2, own).to(tl.int8), mask=inside)
    tl.debug_barrier()
    return joins.to(tl.int32)


@jit
def exchange_clusters(  # type: ignore[no-untyped-def]
    key: tl.int64,
    step: tl.int64,
    shift,
    ptr,
    neighbour,
    spins,
    lanes,
    cluster_sites,
    marks,
    room,
    pairs,
    per_block,
    n,
    columns,
    SYMMETRIC: tl.constexpr,
    T: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Houdayer's move between systems of neighbouring numbers at every β.

    Args:
        key, step, shift: of the random bits, the step, and by how much pairs are shifted.
        ptr, neighbour: sites that interact, int64.
        lanes: columns of each system at each β, int64, (systems, T).
        cluster_sites: to which sizes are added, of the first system of each pair, int64, (systems, T).
        marks: room, int8, (N, room).
        pairs: how many, of systems at one β.
        per_block: systems that are paired with one another.
    """
    q = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = q < pairs
    step = step.to(tl.uint32)
    half = per_block // 2
    k, block, s = q % T, q // T // half, q // T % half * 2
    one = (block * per_block + (s + shift) % per_block) * T + k
    other = (block * per_block + (s + 1 + shift) % per_block) * T + k
    mine, theirs = tl.load(lanes + one, mask=inside, other=0), tl.load(lanes + other, mask=inside, other=0)
    word, _ = _pair_of_words(key, step, block * per_block + s, k + T)
    start = ((word.to(tl.uint64) * n) >> 32).to(tl.int32)
    differ = tl.zeros((BLOCK,), tl.int32)
    for i in range(n):
        site = spins + tl.cast(i, tl.int64) * columns
        x, y = tl.load(site + mine, mask=inside, other=1), tl.load(site + theirs, mask=inside, other=1)
        differ += (x != y).to(tl.int32)
    equal = tl.zeros((BLOCK,), tl.int32)
    if SYMMETRIC:
        equal = (2 * differ > n).to(tl.int32)
    nearest = tl.zeros((BLOCK,), tl.int32) + n
    for i in range(n):
        site = spins + tl.cast(i, tl.int64) * columns
        x, y = tl.load(site + mine, mask=inside, other=1), tl.load(site + theirs, mask=inside, other=1)
        can = (x == y).to(tl.int32) == equal
        ahead = tl.where(start > i, i + n - start, i - start)
        nearest = tl.where(can, tl.minimum(nearest, ahead), nearest)
        tl.store(marks + tl.cast(i, tl.int64) * room + q, can.to(tl.int8), mask=inside)
    some = inside & (nearest < n)
    first = (start + nearest) % n
    tl.debug_barrier()
    tl.store(marks + first.to(tl.int64) * room + q, tl.full((BLOCK,), 2, tl.int8), mask=some)
    tl.debug_barrier()
    going = tl.cast(1, tl.int32)
    while going > 0:
        joined = tl.zeros((BLOCK,), tl.int32)
        for i in range(n):
            joined += _join(ptr, neighbour, marks, room, q, inside, tl.cast(i, tl.int64))
        for i in range(n):
            joined += _join(ptr, neighbour, marks, room, q, inside, tl.cast(n - 1 - i, tl.int64))
        going = tl.max(joined, 0)
    size = tl.zeros((BLOCK,), tl.int64)
    for i in range(n):
        site = spins + tl.cast(i, tl.int64) * columns
        taken = tl.load(marks + tl.cast(i, tl.int64) * room + q, mask=inside, other=0) == 2
        x, y = tl.load(site + mine, mask=taken, other=1), tl.load(site + theirs, mask=taken, other=1)
        tl.store(site + mine, -x, mask=taken)
        tl.store(site + theirs, -y, mask=taken)
        size += taken.to(tl.int64)
    tl.store(cluster_sites + one, tl.load(cluster_sites + one, mask=inside, other=0) + size, mask=inside)
