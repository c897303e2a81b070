r"""Portfolios: assets of high return and low risk, a fixed number of them.

Choosing an asset more or less changes the value without penalty by at most L, the largest of its marginal values over
all choices of the others. The penalty A (Σb − B)² falls by at least A where the number of assets comes one nearer to B.
So A > L suffices: from any choice, adding or leaving out assets one by one gains until there are B.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import torch

from graphar._support.checks import as_float_tensor, check_count, check_number
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.labels import as_mapping
from graphar.problems.base import Problem
from graphar.problems.names import Chosen, Names
from graphar.problems.penalties import check_penalty

__all__ = ["Portfolio"]


class Portfolio(Problem[set[Any]]):
    r"""Markowitz's choice of assets, each taken or left, in a fixed number or in any.

    .. math:: \max_b \; \mu^T b - q\, b^T \Sigma b \quad \text{with} \quad \sum_i b_i = B, \qquad
              H = q\, b^T \Sigma b - \mu^T b + A \Big( \sum_i b_i - B \Big)^2, \quad b = (1 + x)/2

    The penalty is A = p L with p > 1 and L the largest change of the value by one asset,
    :math:`L = \max_i \max_b |\mu_i - q \Sigma_{ii} - 2 q \sum_{j \ne i} \Sigma_{ij} b_j|`. Answers are sets of assets.
    :meth:`repair` adds or leaves out, one by one, the asset that is best to, until there are B. Reference:
    H. Markowitz, `J. Finance 7, 77 (1952) <https://doi.org/10.1111/j.1540-6261.1952.tb01525.x>`_.

    Args:
        returns: μ, ``{asset: return}`` (also a series of pandas) or shape (N,).
        covariance: Σ, symmetric, shape (N, N), in the order of ``returns``; a table of pandas is put in that order.
        budget: B, from 1 to N; None for any number, without penalty.
        risk_aversion: q ≥ 0.
        penalty: p > 1.
        labels: names of the assets, where ``returns`` has none.

    Raises:
        ValueError: shapes that disagree, a matrix that is not symmetric, numbers not finite, a budget out of range.

    >>> problem = Portfolio({"a": 3.0, "b": 2.0, "c": 1.0}, [[1, 1, 0], [1, 1, 0], [0, 0, 1]], budget=2)
    >>> problem.objective({"a", "c"}), problem.objective({"a", "b"})
    (2.0, 1.0)
    >>> problem.violations({"a"})
    [('budget', 1, 2)]
    """

    sense = "max"
    graph: IsingGraph

    def __init__(
        self,
        returns: Any,
        covariance: Any,
        budget: int | None = None,
        *,
        risk_aversion: float = 1.0,
        penalty: float = 1.5,
        labels: Iterable[Hashable] | None = None,
    ) -> None:
        given = as_mapping(returns)
        if isinstance(given, Mapping):
            if labels is not None:
                raise ValueError("labels must be left out where returns name the assets, got both")
            labels, given = list(given), list(given.values())
        if labels is not None:
            labels = list(labels)
        if labels is not None and hasattr(covariance, "loc") and hasattr(covariance, "columns"):
            try:
                covariance = covariance.loc[labels, labels].to_numpy()
            except KeyError as error:
                raise ValueError(f"covariance must have the assets of returns as rows and columns: {error}") from error
        mu = as_float_tensor(given, "returns").double().cpu().numpy()
        sigma = as_float_tensor(covariance, "covariance").double().cpu().numpy()
        if mu.ndim != 1 or not len(mu):
            raise ValueError(f"returns must have shape (N,), one per asset, got {mu.shape}")
        n = len(mu)
        if sigma.shape != (n, n):
            raise ValueError(f"covariance must have shape ({n}, {n}), as there are {n} returns, got {sigma.shape}")
        if not np.allclose(sigma, sigma.T, rtol=1e-9, atol=0):
            raise ValueError("covariance must be symmetric, got entries (i, j) and (j, i) that differ")
        q, factor = check_number(risk_aversion, "risk_aversion"), check_penalty(penalty)
        if q < 0:
            raise ValueError(f"risk_aversion must not be negative, got {q:g}")
        if budget is not None and check_count(budget, "budget") > n:
            raise ValueError(f"budget must be at most the {n} assets, got {budget}")
        names = Names(n, labels)
        if len(names.all()) != n:
            raise ValueError(f"labels must be {n}, one per asset, got {len(names.all())}")
        self._form, self._budget = Chosen(names), budget
        sigma = (sigma + sigma.T) / 2
        self._linear, self._pairs = mu - q * np.diag(sigma), 2 * q * (sigma - np.diag(np.diag(sigma)))
        Q = self._pairs / 2 - np.diag(self._linear)
        constant = 0.0
        if budget is not None:
            low = self._linear - np.maximum(self._pairs, 0).sum(1)
            high = self._linear - np.minimum(self._pairs, 0).sum(1)
            most = float(np.maximum(np.abs(low), np.abs(high)).max())
            A = factor * (most if most > 0 else 1.0)
            Q += A * (1 - 2 * budget * np.eye(n))  # b² = b: the square is Σb + 2Σbb − 2BΣb + B²
            constant = A * budget**2
        self.graph = IsingGraph.from_qubo(Q, constant, labels=names.labels, dtype=torch.float64)

    def _objective(self, values: np.ndarray) -> float:
        inside = self._pairs[np.ix_(values, values)]
        return float(self._linear[values].sum() - inside.sum() / 2)

    def _affine(self) -> tuple[float, float]:
        return -1.0, 0.0

    def _violations(self, values: np.ndarray) -> list[Any]:
        number = int(values.sum())
        return [] if self._budget in (None, number) else [("budget", number, self._budget)]

    def _repair(self, values: np.ndarray) -> np.ndarray:
        if self._budget is None:
            return values
        chosen = values.copy()
        gain = self._linear - self._pairs[:, chosen].sum(1)  # of taking each, without itself
        while (number := int(chosen.sum())) != self._budget:
            add = number < self._budget
            at = int(np.where(chosen, -np.inf, gain).argmax() if add else np.where(chosen, gain, np.inf).argmin())
            chosen[at] = add
            gain -= self._pairs[:, at] if add else -self._pairs[:, at]
        return chosen

    def _size(self) -> str:
        return f"{self._form.names.count} assets" + ("" if self._budget is None else f", {self._budget} of them")
