r"""Natural gradient for linear heads, one small linear system for each site.

    Δw_i = −η (F_i + λ)⁻¹ g_i,   F_i = E_q[σ'(logit_i) φ_i φ_iᵀ],   logit_i = Σ φ_i · w_i + 2β h_i

Conditionals of different sites share no weight, and their scores ∇ log q(x_i | x_<i) are uncorrelated under q: the
Fisher matrix of the whole model is exactly block-diagonal, with a block for each site of the size of its frontier.
At q = p it is the Hessian of βF_q too, so that the step is Newton's.

Features φ are measured in units of order one: messages in the root mean square coupling J, the skip 2β ξ_ii in
2βJ. λ then means the same at every β and for couplings of any size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from graphar._support.checks import check_count, check_positive
from graphar._support.seeds import check_seed, hash_key
from graphar.hamiltonians import IsingGraph
from graphar.heads import Linear
from graphar.kernels.base import CHUNK
from graphar.kernels.compiled.threads import share_out
from graphar.models.autoregressive import Autoregressive, check_model
from graphar.models.parts import LearnedSites

__all__ = ["NaturalGradient"]

_HELD = 2**25  # features of samples that are held at once


class NaturalGradient(Optimizer):
    r"""Natural gradient descent on the weights of linear heads, as an optimiser for :func:`graphar.anneal`.

    .. math:: \Delta w_i = -\eta \, (F_i + \lambda)^{-1} \nabla_{w_i} \beta F_q, \qquad
        F_i = E_q[\sigma'(\text{logit}_i) \, \varphi_i \varphi_i^T]

    φ_i are the features that multiply the weights of site i. It takes two to five times fewer steps than Adam to the
    same free energy where frontiers hold some tens of spins, at half again of the time for each: two-dimensional and
    small three-dimensional lattices, sparse random graphs of some hundred spins, a ``radius``, a core. It is not for
    wide ones: time for the blocks grows as Σ|F(i)|³ and memory (also of checkpoints) as Σ|F(i)|², and with more
    weights at a site than ``samples`` they are mostly noise. Blocks are measured now and then, on samples of their
    own, and averaged over their past.

    Reference: S. Amari, `Neural Computation 10, 251 (1998) <https://doi.org/10.1162/089976698300017746>`_.

    Args:
        params: all weights of ``model``, as :func:`graphar.anneal` passes them.
        model: an autoregressive model with linear heads, on the CPU.
        lr: η; 0.1 to 0.3 serves most graphs, 1 would be Newton's step if nothing were noisy.
        damping: λ, in the units of the module's introduction; more of it is safer and slower.
        every: steps between two measurements of the blocks.
        decay: share of the past in the average after each measurement, from 0 to below 1.
        samples: drawn for each measurement.
        max_divergence: bound on a step's Kullback–Leibler divergence to second order, in nats; longer steps are
            shortened to it. ``math.inf`` for none.
        seed: of the blocks' samples.
        memory: bytes that blocks and their factors may take.

    Raises:
        ValueError: the model's heads are not linear, ``params`` are not all its weights, the blocks do not fit in
            ``memory``, or a number breaks its rule.

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.chain(8, couplings="ferromagnet"))
    >>> run = ga.anneal(model, [0.5, 1.0], steps=5, warmup=0, batch_size=64, progress=False,
    ...                 optimizer=lambda weights: NaturalGradient(weights, model))
    >>> run.best_energy
    -7.0
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        model: Autoregressive,
        lr: float = 0.2,
        *,
        damping: float = 0.02,
        every: int = 10,
        decay: float = 0.8,
        samples: int = 512,
        max_divergence: float = 0.05,
        seed: int = 0,
        memory: float = 1e9,
    ) -> None:
        _check_model(model)
        defaults = {
            "lr": check_positive(lr, "lr"),
            "damping": check_positive(damping, "damping"),
            "every": check_count(every, "every"),
            "decay": float(decay),
            "samples": check_count(samples, "samples"),
            "max_divergence": max_divergence,
            "seed": check_seed(seed),
        }
        if max_divergence != math.inf:
            defaults["max_divergence"] = check_positive(max_divergence, "max_divergence")
        if not 0 <= defaults["decay"] < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay}")
        super().__init__(params, defaults)
        given, own = self._weights, list(model.parameters())
        if len(self.param_groups) != 1 or [id(weight) for weight in given] != [id(weight) for weight in own]:
            raise ValueError(f"params must be all weights of the model, in its order, got {len(given)} tensors")
        self._model = model
        self._features = _Features(model)
        needed = 2 * self._features.size * given[0].element_size()
        if needed > check_positive(memory, "memory"):
            raise ValueError(
                f"model must have Fisher blocks of at most memory={memory / 1e9:.3g} GB, got {needed / 1e9:.3g} GB "
                f"for frontiers of up to {self._features.widest} weights; take Adam for a model as wide as this"
            )
        self._factors: Tensor | None = None

    @property
    def _weights(self) -> list[Tensor]:
        return list(self.param_groups[0]["params"])

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step from the gradients in place, taken at ``model.trained_beta``.

        Args:
            closure: evaluates the objective anew and leaves its gradient.

        Raises:
            ValueError: there is no gradient, or the model's ``trained_beta`` is not positive.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        beta, weights, group = self._model.trained_beta, self._weights, self.param_groups[0]
        if beta is None or not beta > 0:
            raise ValueError(f"model.trained_beta must be the positive beta of the gradient, got {beta}")
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if len(gradients) < len(weights):
            raise ValueError("params must have gradients, got none: call backward() before step()")
        state = self.state[weights[0]]
        count = state.get("step", 0)
        if count % group["every"] == 0:
            self._measure(state, beta, count)
        if self._factors is None:
            self._factors = self._features.factors(state["blocks"], group["damping"])
        scale = self._features.scale(beta)
        change, norm = self._features.solve(self._factors, torch.cat(gradients) / scale)
        # ½ Δ·F Δ, the divergence to second order, is at most half of η² g · (F + λ)⁻¹ g
        divergence = 0.5 * group["lr"] ** 2 * norm
        rate = group["lr"] * min(1.0, math.sqrt(group["max_divergence"] / max(divergence, 1e-300)))
        for weight, part in zip(weights, (change / scale).split([w.numel() for w in weights]), strict=True):
            weight.sub_(part, alpha=rate)
        state["step"] = count + 1
        return loss

    def _measure(self, state: dict[str, Any], beta: float, count: int) -> None:
        group, dtype = self.param_groups[0], self._weights[0].dtype
        decay, samples = (group["decay"] if "blocks" in state else 0.0), group["samples"]
        past = state.get("blocks", torch.zeros(self._features.size))
        state["blocks"] = past.to(dtype).mul_(decay)
        spins = self._features.draw(beta, samples, hash_key(group["seed"], "natural gradient", count))
        weight = torch.full((samples,), (1 - decay) / samples, dtype=dtype)
        self._features.add_blocks(state["blocks"], beta, spins, weight)
        self._factors = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's own; factors are made anew from the blocks.

        Raises:
            ValueError: the state is of another model.
        """
        super().load_state_dict(state_dict)
        self._factors = None
        blocks = self.state[self._weights[0]].get("blocks")
        if blocks is not None and blocks.numel() != self._features.size:
            raise ValueError(f"state_dict must be of this model, got {blocks.numel()} numbers in its blocks")


class _Features:
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


def _check_model(model: Autoregressive) -> None:
    if check_model(model).head is None or not isinstance(model.head_config, Linear):
        raise ValueError(f"model must have linear heads, got {model.head_config}")
    if model.device.type != "cpu":
        raise ValueError(f"model must be on the CPU, got {model.device}")
