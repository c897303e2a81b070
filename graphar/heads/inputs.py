"""What reaches the spins of a head: messages and earlier spins, as sparse lists, and sums over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from torch_geometric.utils import spmm

from graphar.hamiltonians.sparse import csr

__all__ = ["History", "SiteInputs", "SparseInputs", "checkpointed_chunks", "spmm_sum"]

CHUNK_ELEMENTS = 2**22  # intermediate numbers that a head holds at a time, unless 32 samples take more


class _WeightedSum(torch.autograd.Function):
    """Sparse × dense whose gradient for the sparse values is sampled where they are.

    torch's own gradient of this product forms the dense (readers × rows) matrix first.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
        assert not rows.requires_grad
        ctx.save_for_backward(ptr, source, rows)
        return spmm(csr(ptr, source, weight, len(rows)), rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        ptr, source, rows = ctx.saved_tensors
        zero = csr(ptr, source, rows.new_zeros(source.numel()), len(rows))
        sampled = torch.sparse.sampled_addmm(zero, gradients[0].contiguous(), rows.T, beta=0.0)
        return sampled.values(), None, None, None


def spmm_sum(weight: Tensor, ptr: Tensor, source: Tensor, rows: Tensor) -> Tensor:
    """Sparse × dense by PyG's ``spmm``, which fuses message and aggregation; differentiable in the weights."""
    return _WeightedSum.apply(weight, ptr, source, rows)


@dataclass(frozen=True)
class SparseInputs:
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

    @property
    def emptied(self) -> SparseInputs:
        """The same readers with nothing to read."""
        return replace(self, index=self.index[:0], ptr=torch.zeros_like(self.ptr), source=self.source[:0])

    def weighted_sum(self, weight: Tensor) -> Tensor:
        """Σ over each reader's pairs of weight × value, shape (n, batch), for selected weights of shape (P,).

        Message passing with the pairs as edges, fused: nothing of size (P, batch) is stored. Differentiable in the
        weights.
        """
        return self.sum_rows(weight, self.ptr, self.source, self.rows)

    def weighted_sums(self, weight: Tensor) -> Tensor:
        """As :meth:`weighted_sum`, for several weights of each pair, (channels, P): shape (channels, n, batch)."""
        channels, pairs = weight.shape
        if channels == 0:
            return self.rows.new_zeros(0, self.ptr.numel() - 1, self.rows.shape[1])
        shift = pairs * torch.arange(channels, device=self.ptr.device)
        ptr = torch.cat([(shift[:, None] + self.ptr[:-1]).flatten(), shift[-1:] + pairs])
        total = self.sum_rows(weight.flatten(), ptr, self.source.repeat(channels), self.rows)
        return total.unflatten(0, (channels, -1))


class History(NamedTuple):
    """All spins and couplings, for heads that pass something on by themselves.

    Attributes:
        spins: x of all spins, zero where they are not drawn yet, (N, batch).
        row_of_rank: where each rank is in it, (N,).
        coupling: of the graph, (E,).
        row_of_arrival: where the coupling of each arrival is in it, (E,).
    """

    spins: Tensor
    row_of_rank: Tensor
    coupling: Tensor
    row_of_arrival: Tensor


@dataclass(frozen=True)
class SiteInputs:
    """All that a head may read to give the logits of n spins for a batch of samples.

    Attributes:
        beta: inverse temperature.
        ranks: the spins, by rank, shape (n,).
        field: h_i, shape (n, 1).
        arrivals: all distinct messages, and a last row of zeros, shape (E + 1, batch).
        local_row: the row of ``arrivals`` that holds ξ_ii, shape (n,).
        fields: h of all spins by rank, shape (N,).
        read: what the head reads: messages ξ_il for l in the frontier, the diagonal l = i included where i has earlier
            neighbours; x_j for j in P(i); or x_j for all j < i, whose rows are the spins by rank, zero where they are
            not drawn yet.
        magnetisation: M_i = Σ_{j<i} x_j, shape (n, batch).
        history: for heads with a memory of their own, what there is to remember.
        memory: what the head keeps from spin to spin of a batch that is being drawn; None for given spins.
        received: what a kernel of the head's own hands over.
    """

    beta: float
    ranks: Tensor
    field: Tensor
    arrivals: Tensor
    local_row: Tensor
    fields: Tensor
    read: SparseInputs | None = None
    magnetisation: Tensor | None = None
    history: History | None = None
    memory: Any = None
    received: Any = None

    @property
    def local(self) -> Tensor:
        """ξ_ii, shape (n, batch)."""
        return self.arrivals[self.local_row]

    def samples(self, part: slice) -> SiteInputs:
        """The inputs of part of the batch, of given spins."""
        read = self.read
        if read is not None:
            read = replace(read, rows=read.rows[:, part].contiguous())
        return replace(self, arrivals=self.arrivals[:, part], read=read)


def checkpointed_chunks(function: Callable[[SiteInputs], Tensor], inputs: SiteInputs, numbers: int) -> Tensor:
    """``function(inputs)``, (n, batch), a part of the batch at a time, with memory for one part.

    Args:
        function: per sample; what it needs for its gradient is computed again when that is asked for.
        inputs: what it reads, messages or parents.
        numbers: that it holds for each sample.
    """
    batch = inputs.arrivals.shape[1]
    width = max(1, CHUNK_ELEMENTS // max(1, 32 * numbers)) * 32
    if batch <= width:
        return function(inputs)
    parts = [inputs.samples(slice(first, first + width)) for first in range(0, batch, width)]
    if not torch.is_grad_enabled():
        return torch.cat([function(part) for part in parts], dim=1)
    again: Any = {"use_reentrant": False, "preserve_rng_state": False}
    return torch.cat([checkpoint(function, part, **again) for part in parts], dim=1)
