r"""Sparse evaluation of the Kac–Ward determinant and its derivatives, by contraction of dense pieces.

In T_{e,f} = t_e exp(iα/2) the factor exp(iα/2) is exp(i(θ_f − θ_e)/2) times σ = −1 where |θ_f − θ_e| > π and +1
elsewhere, θ in [0, 2π) being the directions of the edges. The phases drop out of the determinant, so T may be taken
real, t_e σ_{e,f}. Half-edges e and e' of one edge are joined by Λ_{e,e'} = −Λ_{e',e} = +1 for θ_e in [0, π), those
of one site by S_{e,f} = sgn(θ_f − θ_e), both antisymmetric, and with t on the diagonal

    det(I − T) = det(I + Λ S t).

The same holds around faces in place of sites. With C the step to the next half-edge around a site, C_{e,f} = 1 but
−1 where θ wraps, S = (1 + C)/(1 − C). Put t = (1 − w)/(1 + w), w = exp(−2βJ): for the step around a face
C* = −ΛC, S* = (1 + C*)/(1 − C*) and F faces of N sites (none isolated) and E edges

    det(I + Λ S t) = 2^{F − N + E} det(I − Λ S* w) Π_edges (1 + w)^{−2},

the Kac–Ward determinant of the dual graph. Flipping signs of half-edges turns S* into the sign matrix of an order.

A region of the graph is known to the rest by an antisymmetric matrix A on the half-edges that leave it, which for a
single site is S. Where regions join, the half-edges of the edges inside (index 1) are summed out:

    K = I + Λ A₁₁ t,   V = −K⁻¹ Λ (A₁₁, A₁₂),   A ← A₂₂ − A₁₂ᵀ t V₂,   log det(I − T) ← log det(I − T) + log det K.

No step divides by t, so couplings may vanish, and every det K is positive: a ratio of squared partition functions.
On a torus det K is the square of a Pfaffian of either sign, which is the relative sign of Pf(D A₁₁ D − Λ) and Pf(−Λ),
D having √|t| for one half-edge of an edge and sgn(t) √|t| for the other.

With G = ∂(½ log det)/∂A of a region the derivatives go backwards, from the whole graph to its sites:

    ∂(½ log det)/∂t = −½ diag(V₁) − diag(V₂ G V₂ᵀ Λ),
    G₁₁ = t V₂ G V₂ᵀ t − ½ t (1 + V₁ t) Λ,   G₁₂ = t V₂ G = −G₂₁ᵀ,   G₂₂ = G.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from graphar.exact.planar.dissection import join, split
from graphar.exact.planar.faces import PlanarMap, opposite

__all__ = ["KacWard", "LogDet", "RoundingError"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EPSILON = float(np.finfo(np.float64).eps)
_TINY = 1e-150  # its square is still a number
_JITTER = 16 * _EPSILON
_SPARE = 64  # rows, so that regions of equal size take different factors


class RoundingError(ArithmeticError):
    """A determinant that must be positive came out otherwise."""


class LogDet(NamedTuple):
    """½ log det, a priori estimates of its rounding error: of all regions together, and of the worst of them; sign.

    The sign is that of the Pfaffian whose square is the determinant, +1 on planar graphs.
    """

    value: float
    error: float
    worst: float
    sign: float = 1.0


class _Step(NamedTuple):
    """What the backward pass needs of a region; V is multiplied by ``scale`` from the left."""

    sign: Floats
    scale: Floats
    t: Floats
    V: Floats


class KacWard:
    """det(I + Λ S t) of a planar map as a function of t; see :meth:`around_sites` and :meth:`around_faces`.

    Args:
        order: half-edges by node (site or face), in their order around it, shape (2E,).
        nodes: node of every half-edge, shape (2E,).
        sign: Λ_{e,e'} for the first half-edge e of every edge, shape (E,).
        mirrored: sums regions up in another order, which changes nothing but rounding.
        signed: whether Pfaffians may be negative, as on a torus.
    """

    def __init__(self, order: Ints, nodes: Ints, sign: Floats, mirrored: bool = False, signed: bool = False) -> None:
        self._num_edges, self._signed = len(sign), signed
        self._node, self._turn, num_links = split(order, nodes)
        self._sign = np.concatenate([sign, -np.ones(num_links)])
        self._regions = join(self._node, mirrored)

    @classmethod
    def around_sites(cls, drawn: PlanarMap, mirrored: bool = False, twist: Floats | None = None) -> Self:
        """det(I + Λ S t) with t = tanh βJ: the sum over even subgraphs, squared.

        On a torus, with ``twist`` −1 for the edges across a cut and 1 for others: the sum with signs by winding.
        """
        num_edges = drawn.ends.shape[1]
        sign = np.where(drawn.upward[:num_edges], 1.0, -1.0)
        return cls(drawn.order, drawn.sites, sign if twist is None else sign * twist, mirrored, twist is not None)

    @classmethod
    def around_faces(cls, drawn: PlanarMap, mirrored: bool = False, twist: Floats | None = None) -> Self:
        """det(I − Λ S* w) with w = exp(−2βJ): the sum over domain walls, squared; ``twist`` as around sites."""
        num_edges = drawn.ends.shape[1]
        turn = np.empty(2 * num_edges, np.int64)
        turn[drawn.order] = np.arange(2 * num_edges)
        around = np.where(drawn.upward, 1.0, -1.0)  # Λ of each half-edge with its opposite
        if twist is not None:
            around = around * np.tile(twist, 2)
        step = np.where(turn[drawn.following] > turn[opposite(num_edges)], -around, around)  # −ΛC
        flip, walk = _walk(drawn.following.tolist(), step.tolist())
        order = walk[np.argsort(drawn.faces[walk], kind="stable")]
        sign = -around[:num_edges] * flip[:num_edges] * flip[num_edges:]
        return cls(order, drawn.faces, sign, mirrored, twist is not None)

    def log_det(self, t: Floats, jitter: int | None = None) -> LogDet:
        """½ log det for one t an edge, shape (E,), and estimates of its rounding error.

        The estimates are the condition of each region's K and what has been lost of the antisymmetry of its A. They
        are far too wide where determinants are of order one, and too narrow where they are nearly zero. What rounding
        really does is seen with ``jitter``: the matrices, their factors L and U and what is solved with them are
        multiplied, entry by entry, by random numbers 1 ± 16 ε. An evaluation in another order alone does not show it,
        as on few sites both orders may lose the same; nor do matrices disturbed without L and U, which may be far
        larger.

        Args:
            t: one an edge, shape (E,).
            jitter: seed of the random factors, none by default.

        Raises:
            RoundingError: t so close to a zero of the determinant that nothing is left of it.
        """
        return self._forward(t, None, jitter)

    def slope(self, t: Floats, jitter: int | None = None) -> Floats:
        """∂(½ log det)/∂t of every edge, shape (E,); arguments as for :meth:`log_det`."""
        steps: list[_Step] = []
        self._forward(t, steps, jitter)
        slope = np.empty(len(self._sign))
        outside: dict[int, Floats] = {}
        for number in range(len(steps) - 1, -1, -1):
            region, (sign, scale, t_inner, V) = self._regions[number], steps.pop()
            m, half = len(scale), len(sign)
            G = outside.pop(number, np.zeros((0, 0)))
            V2 = V[:, m:] / scale[:, None]
            V2G = V2 @ G
            local = -0.5 * np.diagonal(V) / scale
            local[:half] += 2 * sign * np.einsum("ij,ij->i", V2G[:half], V2[half:])
            slope[region.inner[:half]] = local[:half] + local[half:]
            inverse = V[:, :m] * t_inner / scale[:, None]
            inverse[np.diag_indices(m)] += 1.0
            full = np.empty((m + len(G),) * 2)
            full[:m, :half] = 0.5 * sign * inverse[:, half:]
            full[:m, half:m] = -0.5 * sign * inverse[:, :half]
            full[:m, :m] += V2G @ (V2.T * t_inner)
            full[:m, m:] = V2G
            full[:m] *= t_inner[:, None]
            full[m:, :m] = -full[:m, m:].T
            full[m:, m:] = G
            full = 0.5 * (full - full.T)
            for part, rows in zip(region.parts, region.part_rows, strict=True):
                outside[part] = full[np.ix_(rows, rows)]
        return slope[: self._num_edges]

    def _forward(self, t: Floats, steps: list[_Step] | None, jitter: int | None) -> LogDet:
        from scipy.linalg.lapack import dgecon, dgetrf, dgetrs

        t = np.concatenate([t, np.ones(len(self._sign) - self._num_edges)])
        # Rows are multiplied by √|t| and columns divided by it: both halves of an edge then weigh √|t|, which
        # matters to the choice of pivots where t runs over many orders of magnitude.
        root = np.maximum(np.sqrt(np.abs(t)), _TINY)
        factors = None if jitter is None else self._factors(jitter)
        rng = np.random.default_rng(0 if jitter is None else jitter)  # where in them
        total, error, worst, pfaffian = 0.0, 0.0, 0.0, 1.0
        inside: dict[int, Floats] = {}
        for number, region in enumerate(self._regions):
            m = len(region.inner)
            half = m // 2
            A = np.zeros((m + len(region.boundary),) * 2)
            node, turn = self._node[region.own], self._turn[region.own]
            A[np.ix_(region.own_rows, region.own_rows)] = (node[:, None] == node) * np.sign(turn - turn[:, None])
            for part, rows in zip(region.parts, region.part_rows, strict=True):
                A[np.ix_(rows, rows)] = inside.pop(part)
            if factors is not None:
                start = int(rng.integers(len(factors) - len(A) + 1))
                A *= factors[start : start + len(A), start : start + len(A)]
            edges = region.inner[:half]
            sign, scale, t_inner = self._sign[edges], np.tile(root[edges], 2), np.tile(t[edges], 2)
            B = np.concatenate([-sign[:, None] * A[half:m], sign[:, None] * A[:half]]) * scale[:, None]  # −Λ (A₁₁, A₁₂)
            K = -B[:, :m] * (t_inner / scale)
            K[np.diag_indices(m)] += 1.0
            V = B if steps is not None else B[:, m:]
            lost = 0.0
            if self._signed and m:
                pfaffian *= _pfaffian_sign(A[:m, :m], sign, t[edges])
            if m:
                norm = np.abs(K).sum(axis=0).max()
                lu, pivots, singular = dgetrf(K, overwrite_a=True)
                if factors is not None:
                    lu *= factors[start : start + m, len(factors) - m :]
                diagonal = np.diagonal(lu)
                swaps = np.count_nonzero(pivots != np.arange(m))
                if singular or (np.count_nonzero(diagonal < 0) + swaps) % 2 or not np.isfinite(diagonal).all():
                    raise RoundingError("the Kac-Ward determinant is lost in rounding")
                lost += _EPSILON / max(dgecon(lu, norm)[0], _TINY)
                total += 0.5 * float(np.log(np.abs(diagonal)).sum())
                V = dgetrs(lu, pivots, V)[0]
                if factors is not None:
                    V *= factors[len(factors) - m :, : V.shape[1]]
            if steps is not None:
                steps.append(_Step(sign, scale, t_inner, V))
            if len(region.boundary):
                A = A[m:, m:] - (A[:m, m:] * (t_inner / scale)[:, None]).T @ V[:, -len(region.boundary) :]
                inside[number] = 0.5 * (A - A.T)
                weight = root[region.boundary % len(root)]
                lost += float(np.abs((A + A.T) * weight * weight[:, None]).max())
            error, worst = error + lost, max(worst, lost)
        return LogDet(total, error, worst, pfaffian)

    def _factors(self, seed: int) -> Floats:
        """Random factors 1 ± 16 ε, symmetric, from which each region takes a square along the diagonal."""
        size = max((len(region.inner) + len(region.boundary) for region in self._regions), default=0) + _SPARE
        noise = np.random.default_rng(seed).uniform(-_JITTER / 2, _JITTER / 2, (size, size))
        return 1 + (noise + noise.T)


def _pfaffian_sign(A: Floats, sign: Floats, t: Floats) -> float:
    """Sign of Pf(D A D − Λ) over that of Pf(−Λ), by elimination with pivots (Parlett and Reid 1970)."""
    half = len(t)
    root = np.sqrt(np.abs(t))
    scale = np.concatenate([root, np.copysign(root, t)])
    M = A * scale * scale[:, None]
    here = np.arange(half)
    M[here, here + half] -= sign
    M[here + half, here] += sign
    pairs = np.stack([here, here + half], axis=1).ravel()
    M = M[np.ix_(pairs, pairs)]
    found = float(np.prod(-sign))
    for k in range(0, 2 * half, 2):
        pivot = k + 1 + int(np.abs(M[k, k + 1 :]).argmax())
        if pivot != k + 1:
            M[[k + 1, pivot]] = M[[pivot, k + 1]]
            M[:, [k + 1, pivot]] = M[:, [pivot, k + 1]]
            found = -found
        head = M[k, k + 1]
        found *= np.sign(head)
        if head == 0:
            return 0.0
        rows = np.outer(M[k, k + 2 :] / head, M[k + 1, k + 2 :])
        M[k + 2 :, k + 2 :] += rows.T - rows
    return found


def _walk(following: list[int], step: list[float]) -> tuple[Floats, Ints]:
    """Half-edges in the order of a walk around each face, and the signs that make all steps +1 but the last."""
    flip, walk = [0.0] * len(following), []
    for start in range(len(following)):
        half_edge, sign = start, 1.0
        while not flip[half_edge]:
            flip[half_edge] = sign
            walk.append(half_edge)
            sign *= step[half_edge]
            half_edge = following[half_edge]
    return np.array(flip), np.array(walk, np.int64)
