r"""The largest and smallest eigenvalues of the objective's Hessian, by Lanczos from its products with vectors.

A large eigenvalue bounds the learning rate: plain gradient steps diverge beyond 2/λ. A negative one says that the model
is at a saddle, or still on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphar._support.checks import check_count, check_flag, check_positive
from graphar._support.seeds import check_seed, hash_key
from graphar.estimators.partition import Estimate
from graphar.landscapes.curvature import Curvature, make_curvature
from graphar.landscapes.objective import Direction
from graphar.models.distribution import Distribution

__all__ = ["HessianEigenvalues", "hessian_eigenvalues"]

DENSE = 64  # weights up to which the whole matrix is made
RESTARTS = 300  # of Lanczos

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HessianEigenvalues:
    """Eigenvalues of the Hessian of βF_q with respect to the weights; made by :func:`hessian_eigenvalues`.

    Attributes:
        beta: inverse temperature β.
        num_spins: N.
        num_weights: size of the Hessian.
        num_samples: samples behind it, 0 where it is exact.
        which: ``"largest"`` or ``"smallest"``.
        values: (K,), the largest first, or the smallest.
        fresh: vᵀHv of each eigenvector v on samples of its own, the same numbers where the Hessian is exact.
        directions: the eigenvectors, of norm one, as tensors by name: for :func:`landscape`.
        products: Hessian times vector, how often.
    """

    beta: float
    num_spins: int
    num_weights: int
    num_samples: int
    which: str
    values: Floats
    fresh: tuple[Estimate, ...]
    directions: tuple[Direction, ...]
    products: int

    def __repr__(self) -> str:
        how = f"{self.num_samples} samples" if self.num_samples else "exact"
        head = (
            f"beta = {self.beta:g}, {self.num_spins} spins, {self.num_weights} weights, {self.products} products, {how}"
        )
        if not self.num_samples:
            return "\n".join([head, f"  {self.which} eigenvalues", *(f"  {value:>14.6g}" for value in self.values)])
        lines = [head, f"  {self.which} eigenvalues, on fresh samples"]
        lines += [f"  {value:>14.6g}  {fresh!r}" for value, fresh in zip(self.values, self.fresh, strict=True)]
        return "\n".join(lines)


def hessian_eigenvalues(
    q: Distribution,
    k: int = 5,
    num_samples: int | None = None,
    *,
    which: str = "largest",
    tolerance: float = 1e-4,
    seed: int = 0,
    progress: bool = True,
) -> HessianEigenvalues:
    r"""Extreme eigenvalues of the Hessian of the objective βF_q with respect to a model's weights.

    .. math:: H = E_q\bigl[(L - b)(\nabla\nabla \log q + \nabla\log q\, \nabla\log q^T)
        + \nabla\log q\, \nabla\log q^T\bigr], \qquad L = \log q + \beta E

    which is the Fisher matrix where q = p. By Lanczos (``scipy.sparse.linalg.eigsh``), each step two gradients of one
    fixed batch in float64; up to 64 weights, by the whole matrix. Memory is that of a few vectors of weights.

    The largest eigenvalue of an estimated matrix is too large on average, as noise adds to what is sought; that of vᵀHv
    on fresh samples is too small at most. The truth lies between the two, for the first eigenvalue, up to the error of
    the latter. For the smallest, the same with signs turned.

    Args:
        q: a model at its inverse temperature, ``model.at(beta)``.
        k: how many eigenvalues.
        num_samples: in the batch; by default exact up to 16 spins, else 1000.
        which: ``"largest"`` or ``"smallest"``, by value: negative ones are the smallest.
        tolerance: relative accuracy of Lanczos.
        seed: of samples and of the first vector.
        progress: whether to count products on a bar.

    Raises:
        ValueError: an argument breaks its rule, the model has nothing to learn or fewer weights than ``k``, or Lanczos
            does not converge.

    >>> import graphar as ga
    >>> result = hessian_eigenvalues(ga.Autoregressive(ga.chain(6)).at(0.5), k=2, progress=False)
    >>> bool(result.values[0] >= result.values[1] > 0)
    True
    """
    if which not in ("largest", "smallest"):
        raise ValueError(f'which must be "largest" or "smallest", got {which!r}')
    tolerance, show = check_positive(tolerance, "tolerance"), check_flag(progress, "progress")
    curvature = make_curvature(q, num_samples, hash_key(check_seed(seed), "hessian"))
    if check_count(k, "k") > curvature.size:
        raise ValueError(f"k must be at most the number of weights, {curvature.size}, got {k}")
    from tqdm.auto import tqdm

    with tqdm(desc="hessian", unit="product", disable=not show, leave=None, dynamic_ncols=True) as bar:
        products = count()

        def product(vector: Any) -> Floats:
            next(products)
            bar.update()
            return curvature.product(np.asarray(vector, dtype=np.float64).ravel())

        if curvature.size <= max(DENSE, 2 * k + 1):
            values, vectors = _dense(curvature.size, product)
        else:
            values, vectors = _lanczos(curvature, k, which, tolerance, seed, product)
    order = np.argsort(values)[:: -1 if which == "largest" else 1][:k]
    found = [vectors[:, at] / np.linalg.norm(vectors[:, at]) for at in order]
    return HessianEigenvalues(
        beta=q.beta,
        num_spins=q.graph.num_spins,
        num_weights=curvature.size,
        num_samples=curvature.num_samples,
        which=which,
        values=values[order],
        fresh=tuple(curvature.along(vector) for vector in found),
        directions=tuple(curvature.direction(vector) for vector in found),
        products=next(products),
    )


def _dense(size: int, product: Any) -> tuple[Floats, Floats]:
    matrix = np.stack([product(row) for row in np.eye(size)])
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return values, vectors


def _lanczos(
    curvature: Curvature, k: int, which: str, tolerance: float, seed: int, product: Any
) -> tuple[Floats, Floats]:
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    operator = LinearOperator((curvature.size, curvature.size), matvec=product, dtype=np.float64)
    start = np.random.default_rng(seed).standard_normal(curvature.size)
    try:
        values, vectors = eigsh(
            operator, k, which="LA" if which == "largest" else "SA", v0=start, tol=tolerance, maxiter=RESTARTS
        )
    except ArpackNoConvergence as error:
        raise ValueError(
            f"tolerance must be one that Lanczos reaches in {RESTARTS} restarts, got {tolerance:g}: "
            f"{len(error.eigenvalues)} of {k} eigenvalues converged"
        ) from error
    return np.asarray(values), np.asarray(vectors)
