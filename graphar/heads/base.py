"""The contract between heads and kernels.

A **head** is a configured, graph-free object (``Linear(bias=False)``). Binding it to a frontier gives a torch
module with the parameters of that graph, a **bound head**. A kernel hands a bound head the inputs of a set of
spins that may be drawn together, and gets their logits

    logit_i = log q(x_i = +1 | x_<i) − log q(x_i = −1 | x_<i).

The inputs are the field h_i, the local message ξ_ii and two inboxes, the messages ξ_il on the frontier and the
spins x_P(i); the bound head says in ``reads`` which inbox it opens, which fixes the levels of its spins.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.utils import spmm

from graphar.frontier import Frontier

__all__ = ["BoundHead", "Head", "Inbox", "LinearForm", "SiteInputs", "spmm_sum"]

with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(torch.tensor([0, 0]), torch.empty(0, dtype=torch.int64), torch.empty(0), (1, 1))


class _WeightedSum(torch.autograd.Function):
    """Sparse × dense whose gradient for the sparse values is sampled where they are.

    torch's own gradient of this product forms the dense (readers × rows) matrix first.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
        assert not rows.requires_grad
        ctx.save_for_backward(ptr, source, rows)
        return spmm(_csr(weight, ptr, source, rows), rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        ptr, source, rows = ctx.saved_tensors
        zero = _csr(rows.new_zeros(source.numel()), ptr, source, rows)
        sampled = torch.sparse.sampled_addmm(zero, gradients[0].contiguous(), rows.T, beta=0.0)
        return sampled.values(), None, None, None


def spmm_sum(weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
    """Sparse × dense by PyG's ``spmm``, which fuses message and aggregation; differentiable in the weights."""
    return _WeightedSum.apply(weight, ptr, source, rows)


def _csr(values: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
    shape = (ptr.numel() - 1, rows.shape[0])
    return torch.sparse_csr_tensor(ptr, source, values, shape, check_invariants=False)


@dataclass(frozen=True)
class Inbox:
    """What reaches a set of n spins from earlier ones: P numbers per sample, grouped by the spin that reads them.

    Attributes:
        index: which of the head's per-pair parameters belong to these pairs, shape (P,).
        ptr: where each reader's pairs start, shape (n + 1,).
        source: rows of ``rows`` that the pairs point to, shape (P,).
        rows: distinct messages or spins, shape (M, batch).
        sum_rows: what computes the weighted sum, from weights, ``ptr``, ``source`` and ``rows``.
    """

    index: Tensor
    ptr: Tensor
    source: Tensor
    rows: Tensor
    sum_rows: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = spmm_sum

    def select(self, parameter: Tensor) -> Tensor:
        """Entries of a per-pair parameter that belong to these pairs, shape (P,)."""
        return parameter[self.index]

    def weighted_sum(self, weight: Tensor) -> Tensor:
        """Σ over each reader's pairs of weight × value, shape (n, batch), for selected weights of shape (P,).

        Message passing with the pairs as edges, fused: nothing of size (P, batch) is stored. Differentiable in the
        weights.
        """
        return self.sum_rows(weight, self.ptr, self.source, self.rows)


@dataclass(frozen=True)
class SiteInputs:
    """All that a head may read to give the logits of n spins for a batch of samples.

    Attributes:
        beta: inverse temperature.
        ranks: the spins, by rank, shape (n,).
        field: h_i, shape (n, 1).
        arrivals: all distinct messages, and a last row of zeros, shape (E + 1, batch).
        local_row: the row of ``arrivals`` that holds ξ_ii, shape (n,).
        messages: ξ_il for l in the frontier, the diagonal l = i included where i has earlier neighbours.
        parents: x_j for j in P(i).
    """

    beta: float
    ranks: Tensor
    field: Tensor
    arrivals: Tensor
    local_row: Tensor
    messages: Inbox | None = None
    parents: Inbox | None = None

    @property
    def local(self) -> Tensor:
        """ξ_ii, shape (n, batch)."""
        return self.arrivals[self.local_row]


class LinearForm(NamedTuple):
    """Logits that are linear in what a head reads: logit_i = constant_i + local_i ξ_ii + Σ pairs × values.

    Attributes:
        constant, local: by rank, shape (N,).
        pairs: by pair of the inbox, shape (P,).
    """

    constant: Tensor
    local: Tensor
    pairs: Tensor


class BoundHead(nn.Module, ABC):
    """A head with the parameters of one frontier: inputs to logits."""

    reads: str = "messages"
    """Which inbox is opened: ``"messages"`` or ``"parents"``."""

    @abstractmethod
    def forward(self, inputs: SiteInputs) -> Tensor:
        """Logits of the spins ``inputs.ranks``, shape (n, batch)."""

    def linear_form(self, beta: float, field: Tensor) -> LinearForm | None:
        """The same logits as numbers, for compiled kernels, if they are linear; ``field`` is h by rank, (N,)."""
        return None


class Head(ABC):
    """A configured architecture, without a graph."""

    @classmethod
    def on_core(cls) -> Head:
        """What the bare class means where narrow sites are exact and the head draws the others."""
        return cls()

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that make this head again: plain numbers, strings and flags."""

    @abstractmethod
    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        """Module with the parameters for ``frontier``, initialised from ``generator``."""
