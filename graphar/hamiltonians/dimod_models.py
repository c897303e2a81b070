"""dimod quadratic models (extra ``dimod``) as Ising graphs, and back; their J and h have the opposite signs."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._parts import Parts, as_float64
from graphar.hamiltonians.qubo import from_binary

__all__ = ["from_dimod", "import_dimod", "to_dimod"]


def from_dimod(bqm: Any) -> Parts:
    """+Σ h s + Σ J s s + offset, or the same over 0/1, float64."""
    dimod = import_dimod()
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise ValueError(f"bqm must be a dimod.BinaryQuadraticModel, got {type(bqm)}")
    names = list(bqm.variables)
    linear, (i, j, quadratic), shift = bqm.to_numpy_vectors(variable_order=names)
    ends, shift = torch.as_tensor(np.stack([i, j])).long(), float(shift)
    linear = as_float_tensor(linear, "bqm.linear", torch.float64)
    quadratic = as_float_tensor(quadratic, "bqm.quadratic", torch.float64)
    if bqm.vartype is dimod.BINARY:
        return from_binary(linear, ends, quadratic, shift, names, torch.float64)
    return Parts(ends, 0.0 - quadratic, 0.0 - linear, labels=names, offset=shift)


def to_dimod(parts: Parts) -> Any:
    """dimod ``BinaryQuadraticModel`` of spin type."""
    dimod = import_dimod()
    i, j = parts.ends.cpu().numpy()
    quadratic = (i, j, 0.0 - as_float64(parts.couplings))
    linear = 0.0 - as_float64(parts.fields)
    names = None if parts.labels is None else list(parts.labels)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear, quadratic, parts.offset, dimod.SPIN, variable_order=names
    )


def import_dimod() -> ModuleType:
    """The package, or an ImportError that says how to get it."""
    try:
        import dimod
    except ImportError as error:
        raise ImportError('dimod models need dimod: pip install "graphar-arnn[dimod]"') from error
    return dimod
