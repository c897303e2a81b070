"""What heads have in common that read nothing but M_i = Σ_{j<i} x_j, the magnetisation of the spins before i."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.hamiltonians.kinds import pairs_alone
from graphar.heads.base import CompiledHead
from graphar.ordering.reads import Reads

__all__ = ["MagnetisationCoefficients", "ReadsMagnetisation", "mean_coupling"]


class MagnetisationCoefficients(NamedTuple):
    """Logits that depend on i and M_i alone: 2βh_i + slope_i M_i + step_i φ(gain_i (h_i + J̄M_i)), or a table of them.

    Attributes:
        slope: by rank, shape (N,), or empty where there is a table.
        step: by rank, shape (N,), or empty for none.
        gain: by rank, shape (N,), or empty for one; with tanh alone.
        table: logits by i and then M_i = −i, −i + 2, …, i, shape (N(N + 1)/2,), or empty.
    """

    slope: Tensor
    step: Tensor
    gain: Tensor
    table: Tensor


class ReadsMagnetisation(CompiledHead):
    """A bound head whose logits depend on i and M_i alone.

    Attributes:
        coupling: J̄.
        tanh: whether φ is tanh, instead of the sign.
    """

    reads = Reads.MAGNETISATION

    def __init__(self, coupling: float = 0.0, tanh: bool = False) -> None:
        super().__init__()
        self.coupling, self.tanh = coupling, tanh

    @abstractmethod
    def coefficients(self, beta: float, field: Tensor) -> MagnetisationCoefficients:
        """The same logits as plain tensors."""


def mean_coupling(graph: IsingGraph | SpinHypergraph) -> float:
    """J̄, the mean of J_ij over all pairs of spins; a ValueError where interactions are of more."""
    graph = pairs_alone(graph, "heads of the Curie–Weiss model, whose one coupling is that of all pairs")
    n = graph.num_spins
    return float(graph.edge_weight.double().sum()) / (n * (n - 1)) if n > 1 else 0.0
