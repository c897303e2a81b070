"""Features that multiply the weights of linear heads, and each site's block of their Fisher matrix."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph
from graphar.heads import Linear
from graphar.kernels.base import CHUNK
from graphar.kernels.compiled.threads import share_out
from graphar.models.autoregressive import Autoregressive
from graphar.models.parts import LearnedSites

__all__ = ["Features"]

_HELD = 2**25  # features of samples that are held at once


class Features:
    """Which feature multiplies each weight, and the weights of each site side by side.

    Features are rows of a table: the arrivals (E rows), zeros, the spins by rank (N rows), ones. Weights are numbered
    as in the model's parameters one after the other.
    """

    def __init__(self, model: Autoregressive) -> None:
        frontier, config, n = model.frontier, model.head_config, model.frontier.num_spins
        assert isinstance(config, Linear)
        self.model, self.frontier = model, frontier
        ranks, none = torch.arange(n), frontier.num_arrivals
        if config.inputs == "messages":
            row, reader = frontier.pair_arrival.long(), frontier.pair_reader
            self.is_skip = frontier.pair_is_local
        else:
            local = frontier.local_arrival.where(frontier.local_arrival >= 0, none)
            row = torch.cat([local, none + 1 + frontier.parents_spin.long()])
            reader = torch.cat([ranks, torch.repeat_interleave(ranks, frontier.parents_ptr.diff())])
            self.is_skip = torch.arange(row.numel()) < n
        if config.bias:
            row = torch.cat([row, torch.full((n,), none + 1 + n)])
            reader = torch.cat([reader, ranks])
            self.is_skip = torch.cat([self.is_skip, torch.zeros(n, dtype=torch.bool)])
        graph = model.graph
        couplings = (graph.edge_weight if isinstance(graph, IsingGraph) else graph.couplings).double()
        self.coupling_unit = (float(couplings.square().mean().sqrt()) if couplings.numel() else 0.0) or 1.0
        # sets that messages reach, from the largest on, and the arrivals that multiply what they are sent
        self.targets = [torch.unique(frontier.arrival_target[some]).numpy() for some in frontier.arrivals_by_size()]
        self.factor = np.zeros(0, np.int64) if frontier.arrival_factor is None else frontier.arrival_factor.numpy()
        self.unit = torch.where(row < none, self.coupling_unit, 1.0)
        self.weight = reader.argsort(stable=True)
        count = torch.bincount(reader, minlength=n)
        self.widest = int(count.max())
        self.row = row[self.weight].int()
        self.ptr = torch.cat([torch.zeros(1, dtype=torch.int64), count.cumsum(0)])
        self.start = torch.cat([torch.zeros(1, dtype=torch.int64), (count * (count + 1) // 2).cumsum(0)])

    @property
    def size(self) -> int:
        """Numbers in all blocks."""
        return int(self.start[-1])

    def scale(self, beta: float) -> Tensor:
        """The unit of each weight's feature, the 2β of skips included."""
        dtype = next(self.model.parameters()).dtype
        return (self.unit * torch.where(self.is_skip, 2 * beta, 1.0)).to(dtype)

    def draw(self, beta: float, samples: int, key: int) -> Tensor:
        """Spins (samples, n) of the sites with weights."""
        return self.model.at(beta).learned_part.sample(key, 0, samples).spins

    def add_blocks(self, blocks: Tensor, beta: float, spins: Tensor, weight: Tensor) -> None:
        """Add Σ_b weight_b σ'_b φ_b φ_bᵀ, over spins (batch, n) of the sites with weights, to the blocks of all sites.

        Batches are taken in parts of bounded memory.
        """
        from graphar.training.optimizers.fisher_blocks import add_blocks, run_fields

        learned, _ = self.model.parts_at(beta)
        assert isinstance(learned, LearnedSites)
        frontier, arrivals = self.frontier, self.frontier.num_arrivals
        coupling = learned.couplings.to(blocks.dtype) / self.coupling_unit
        width = min(max(1, _HELD // (arrivals + spins.shape[1]) // CHUNK), -(-len(spins) // CHUNK)) * CHUNK
        table = torch.zeros(arrivals + spins.shape[1] + 2, width, dtype=blocks.dtype)
        table[-1] = 1
        x = table[arrivals + 1 : -1]
        slope = torch.zeros_like(x)
        for part, share in zip(spins.split(width), weight.split(width), strict=True):
            chance = learned.logits(part)[:, frontier.ordering.sites].T.sigmoid()
            slope[:, : len(part)] = chance * (1 - chance) * share
            slope[:, len(part) :] = 0
            x[:, : len(part)] = part[:, frontier.ordering.sites].T
            for targets in self.targets:
                share_out(
                    len(targets),
                    run_fields,
                    targets,
                    frontier.arrival_ptr.numpy(),
                    frontier.arrival_source.numpy(),
                    self.factor,
                    coupling.numpy(),
                    x.numpy(),
                    table[:arrivals].numpy(),
                )
            share_out(
                self.ptr.numel() - 1,
                add_blocks,
                self.ptr.numpy(),
                self.row.numpy(),
                self.start.numpy(),
                table.numpy(),
                slope.numpy(),
                blocks.numpy(),
            )

    def factors(self, blocks: Tensor, damping: float) -> Tensor:
        """Cholesky factors of the damped blocks."""
        from graphar.training.optimizers.fisher_blocks import factorise

        factors = torch.empty_like(blocks)
        arrays = (self.ptr.numpy(), self.start.numpy(), blocks.numpy())
        share_out(self.ptr.numel() - 1, factorise, *arrays, damping, factors.numpy())
        return factors

    def solve(self, factors: Tensor, gradient: Tensor) -> tuple[Tensor, float]:
        """(F + λ)⁻¹ g, and g · (F + λ)⁻¹ g."""
        from graphar.training.optimizers.fisher_blocks import solve

        x, norm = gradient[self.weight], torch.empty(self.ptr.numel() - 1, dtype=torch.float64)
        arrays = (part.numpy() for part in (self.ptr, self.start, factors, x, norm))
        share_out(norm.numel(), solve, *arrays)
        return torch.empty_like(x).index_copy_(0, self.weight, x), math.fsum(norm.tolist())
