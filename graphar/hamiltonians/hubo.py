"""Polynomials over {0, 1}^N (HUBO) as interactions of spins, and back, by b = (1 + x)/2.

Every term of k sites becomes the 2^k of its subsets, so both ways are for low orders.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import torch

from graphar._support.checks import check_count, check_number
from graphar.hamiltonians.interactions import HyperParts, from_dictionary

__all__ = ["from_hubo", "to_hubo"]

Term = tuple[tuple[int, ...], float]

MAX_TERMS = 2**24  # subsets that are listed: some seconds and GB


def from_hubo(terms: Any, offset: Any, num_nodes: int | None, labels: Any, dtype: torch.dtype | None) -> HyperParts:
    """Minimise Σ c Π b + offset."""
    shift = check_number(offset, "offset")
    if isinstance(terms, dict) and any(isinstance(key, tuple) and len(set(key)) < len(key) for key in terms):
        merged: dict[Any, Any] = {}
        for key, value in terms.items():
            once = tuple(dict.fromkeys(key)) if isinstance(key, tuple) else key
            merged[once] = merged.get(once, 0.0) + check_number(value, "terms")
        terms = merged
    many, linear = from_dictionary(terms, labels, dtype or torch.float64)
    n = len(linear) if num_nodes is None else max(check_count(num_nodes, "num_nodes"), len(linear))
    listed: list[Term] = [((site,), c) for site, c in enumerate(linear.double().tolist())]
    rows = many.sites.split(many.orders.tolist())
    listed += [
        (tuple(row.sort().values.tolist()), c) for row, c in zip(rows, many.couplings.double().tolist(), strict=True)
    ]
    total: dict[tuple[int, ...], float] = {}
    for sites, c in _limited(listed):
        share = c / 2 ** len(sites)
        for subset in _subsets(sites):
            total[subset] = total.get(subset, 0.0) + share
    constant = total.pop((), 0.0) + many.offset + shift
    h = [0.0 - total.pop((site,), 0.0) for site in range(n)]  # 0 − y, not −y: no negative zeros
    return HyperParts(
        torch.tensor(list(itertools.chain.from_iterable(total)), dtype=torch.int64),
        torch.tensor([len(sites) for sites in total], dtype=torch.int64),
        torch.tensor([0.0 - c for c in total.values()], dtype=torch.float64),
        torch.tensor(h, dtype=torch.float64) if n else None,
        num_nodes,
        many.labels,
        constant,
    )


def to_hubo(
    interactions: Iterable[Term], h: Sequence[float], offset: float, names: Sequence[Hashable]
) -> tuple[dict[tuple[Hashable, ...], float], float]:
    """Terms by names of sites, and the constant."""
    total: dict[tuple[int, ...], float] = {(): offset}
    total |= {(site,): 0.0 for site in range(len(h))}
    listed: list[Term] = [((site,), field) for site, field in enumerate(h)]
    listed += interactions
    for sites, J in _limited(listed):
        for subset in _subsets(sites):
            sign = -1.0 if (len(sites) - len(subset)) % 2 else 1.0
            total[subset] = total.get(subset, 0.0) - sign * J * 2.0 ** len(subset)
    constant = total.pop(())
    return {tuple(names[site] for site in sites): c + 0.0 for sites, c in total.items()}, constant


def _limited(terms: list[Term]) -> list[Term]:
    subsets = sum(2 ** len(sites) for sites, _ in terms)
    if subsets > MAX_TERMS:
        raise ValueError(
            f"interactions must have at most {MAX_TERMS} subsets of sites to change between spins and 0/1, "
            f"got {subsets:.3g}"
        )
    return terms


def _subsets(sites: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(sites, size) for size in range(len(sites) + 1))
