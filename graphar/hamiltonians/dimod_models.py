"""An Ising graph from, and as, a dimod quadratic model (extra ``dimod``), whose J and h have the opposite signs."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphar._support.checks import as_float_tensor
from graphar.hamiltonians._build import build
from graphar.hamiltonians._entries import as_float64, constant
from graphar.hamiltonians.qubo import from_binary

if TYPE_CHECKING:
    from graphar.hamiltonians.ising import IsingGraph

__all__ = ["from_dimod", "to_dimod"]


def from_dimod(cls: type[IsingGraph], bqm: Any) -> IsingGraph:
    """Graph from a dimod quadratic model, +Σ h s + Σ J s s + offset: the signs of J and h change.

    0/1 models are turned into spins by x = (1 + s)/2. Site k is the k-th of ``bqm.variables``,
    which are kept as ``labels`` if they are not 0…N−1 in this order.

    >>> import dimod
    >>> from graphar import IsingGraph
    >>> IsingGraph.from_dimod(dimod.BinaryQuadraticModel({"a": 0.5}, {"ab": -1.0}, "SPIN"))
    IsingGraph(2 spins, 1 coupling = 1, field in [-0.5, 0], labels 'a'…'b')
    """
    dimod = _import_dimod()
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise ValueError(f"bqm must be a dimod.BinaryQuadraticModel, got {type(bqm)}")
    names = list(bqm.variables)
    linear, (i, j, quadratic), shift = bqm.to_numpy_vectors(variable_order=names)
    ends, shift = torch.as_tensor(np.stack([i, j])).long(), float(shift)
    linear, quadratic = as_float_tensor(linear, "bqm.linear"), as_float_tensor(quadratic, "bqm.quadratic")
    if bqm.vartype is dimod.BINARY:
        return from_binary(cls, linear, ends, quadratic, shift, torch.float64, names)
    return build(cls, ends, 0.0 - quadratic, 0.0 - linear, labels=names, offset=shift, dtype=torch.float64)


def to_dimod(graph: IsingGraph) -> Any:
    """dimod ``BinaryQuadraticModel`` of spin type on the labels, or 0…N−1, with the same energies."""
    dimod = _import_dimod()
    i, j, J = graph.undirected()
    quadratic = (i.cpu().numpy(), j.cpu().numpy(), 0.0 - as_float64(J))
    linear = 0.0 - as_float64(graph.h)
    names = None if graph.labels is None else list(graph.labels)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear, quadratic, constant(graph), dimod.SPIN, variable_order=names
    )


def _import_dimod() -> ModuleType:
    try:
        import dimod
    except ImportError as error:
        raise ImportError('dimod models need dimod: pip install "graphar-arnn[dimod]"') from error
    return dimod
