"""dimod's ``BinaryPolynomial`` (extra ``dimod``) as interactions of spins, and back, with the other sign."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch

from graphar.hamiltonians.dimod_models import import_dimod
from graphar.hamiltonians.hubo import from_hubo
from graphar.hamiltonians.interactions import HyperParts, from_dictionary
from graphar.hamiltonians.labels import site_numbers

__all__ = ["from_dimod", "to_dimod"]


def from_dimod(polynomial: Any) -> HyperParts:
    """+Σ c Π s, or the same over 0/1, float64."""
    dimod = import_dimod()
    if not isinstance(polynomial, dimod.BinaryPolynomial):
        raise ValueError(f"polynomial must be a dimod.BinaryPolynomial, got {type(polynomial)}")
    labels = _in_order(list(polynomial.variables))
    terms = {tuple(key): float(value) for key, value in polynomial.items()}
    if not labels:
        raise ValueError("polynomial must have at least one variable, got none")
    if polynomial.vartype is dimod.BINARY:
        return from_hubo(terms, 0.0, None, labels, torch.float64)
    parts, linear = from_dictionary(terms, labels, torch.float64)
    return parts._replace(couplings=0.0 - parts.couplings, fields=0.0 - linear)


def to_dimod(terms: Mapping[tuple[Hashable, ...], float]) -> Any:
    """dimod ``BinaryPolynomial`` of spin type from ``{(i, j, k): J, (i,): h, (): offset}``."""
    dimod = import_dimod()
    return dimod.BinaryPolynomial({key: 0.0 - c if key else c for key, c in terms.items()}, dimod.SPIN)


def _in_order(variables: list[Hashable]) -> list[Hashable]:
    """Sorted: a polynomial keeps its variables in sets, whose order changes from process to process."""
    if {type(name) for name in variables} <= {int}:
        site_numbers([name for name in variables if isinstance(name, int) and name >= 0], "polynomial")
    try:
        return sorted(variables)  # type: ignore[type-var]
    except TypeError:
        return sorted(variables, key=lambda name: (type(name).__name__, repr(name)))
