r"""Single-spin updates: heat bath and Metropolis, in any order of the sites.

.. math:: P(x_i \mid \text{rest}) = \sigma(2 \beta x_i f_i), \qquad
          f_i = \sum_a J_a \prod_{j \in a, j \ne i} x_j + h_i.

The heat bath draws x_i anew from it; Metropolis flips it with probability λ min(1, exp(−2βf_i x_i)). Replicas lie side
by side in memory, so that one instruction moves as many of them as a vector register holds.

N. Metropolis et al., `J. Chem. Phys. 21, 1087 (1953) <https://doi.org/10.1063/1.1699114>`_.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.kernels.compiled.threads import share_out
from graphar.montecarlo.base import Info, Sampler, State
from graphar.montecarlo.lanes import spread, to_rows, to_spins
from graphar.montecarlo.plan import Terms, plan_terms
from graphar.montecarlo.triton.launching import choose_device

if TYPE_CHECKING:
    from graphar.montecarlo.triton.sweeping import Rows, SiteOrder

__all__ = ["ORDERS", "HeatBath", "SingleSpin", "advance_rows", "site_colours", "site_order", "twice_beta"]

ORDERS = ("typewriter", "coloured", "random")
_LARGEST = 1e30  # of 2β × scale: times any field over scale it is finite in float32


class SingleSpin(Sampler):
    """What the heat bath and Metropolis share.

    Args:
        graph: couplings, or interactions of any numbers of spins, and fields.
        order: of the sites in a sweep: ``"typewriter"`` as they are numbered; ``"coloured"``, where no two sites of a
            colour interact, one colour after the other (the checkerboard of a square lattice); ``"random"``, N sites
            drawn anew for each sweep, the same for all replicas.
        kernel: ``"numba"``, compiled loops on the CPU; ``"triton"``, on the GPU where the graph is, or by Triton's
            interpreter; ``"auto"``, Triton for a graph on a GPU where it is installed. Both have the same random bits
            and the same chains, but for ties at rounding.

    Raises:
        ImportError: ``"triton"`` where it is not installed.
        ValueError: an argument breaks its rule, or ``"triton"`` for a graph on the CPU without the interpreter.
    """

    def __init__(self, graph: IsingGraph | SpinHypergraph, *, order: str = "typewriter", kernel: str = "auto") -> None:
        super().__init__(graph)
        self.on_device = choose_device(kernel, graph.h.device)
        self.device = self.on_device or self.device
        self.divisible = self.on_device is None  # kernels for GPUs number their replicas from 0
        if order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(map(repr, ORDERS))}, got {order!r}")
        self.order = order

    @property
    @abstractmethod
    def rule(self) -> int:
        """Number of the rule in the compiled loops."""

    @cached_property
    def terms(self) -> Terms:
        return plan_terms(self.graph)

    @cached_property
    def sites(self) -> np.ndarray:
        return site_order(self.graph, self.order)

    @cached_property
    def rows(self) -> Rows:
        """The Hamiltonian on the device."""
        from graphar.montecarlo.triton.sweeping import Rows

        return Rows(self.terms, self.rule, self.device)

    def device_order(self, key: int) -> SiteOrder:
        """Sites of each sweep there; ``key`` is that of the random bits that replicas share."""
        from graphar.montecarlo.triton.sweeping import SiteOrder

        return SiteOrder(self.sites, self._colour_ends, self.order == "random", key, self.device)

    @cached_property
    def _colour_ends(self) -> list[int] | None:
        """Where each colour ends among the sites."""
        if self.order != "coloured":
            return None
        return np.cumsum(np.bincount(site_colours(self.graph))).tolist()

    def _advance(self, state: State, betas: np.ndarray, sweeps: int, measure: int) -> tuple[Tensor, Info]:
        if self.on_device is not None:
            from graphar.montecarlo.triton.sweeping import advance_on_device

            key, shared, _ = map(int, self.keys(state))
            twice = twice_beta(betas, self.terms.scale)
            return advance_on_device(self.rows, self.device_order(shared), key, state, twice, sweeps, measure)
        from graphar.montecarlo.loops import sweep as loops

        settings = self.terms, self.rule, self.sites, self.order == "random", self.keys(state)
        return advance_rows(loops.sweeps, settings, state, betas, sweeps, measure)


class HeatBath(SingleSpin):
    """Draws each spin anew, given its neighbours; see :class:`SingleSpin` for the arguments.

    >>> import graphar as ga
    >>> sampler = HeatBath(ga.grid((8, 8), couplings="pm1", seed=1))
    >>> state = sampler.init(replicas=100, seed=0)
    >>> state, info = sampler.step(state, beta=0.5, sweeps=50)
    >>> state
    State(100 replicas of 64 spins after 50 sweeps)
    """

    @property
    def rule(self) -> int:
        return 0


def advance_rows(
    loop: Callable[..., None], settings: tuple[Any, ...], state: State, betas: np.ndarray, sweeps: int, measure: int
) -> tuple[Tensor, Info]:
    """Sweeps of a compiled loop over replicas side by side: spins, and what happened.

    Args:
        loop: takes ``settings``, the terms of the Hamiltonian first, the first step, the number of sweeps, and arrays
            to write to.
        betas: β of each sweep or of all, and of each replica or of all, (1 or sweeps, 1 or R).
    """
    rows = to_rows(state.spins)
    count, flips = state.replicas, np.zeros((len(rows), rows.shape[2]), np.int32)
    energies = np.zeros((measure, flips.size))
    twice = twice_beta(spread(betas, flips.size), settings[0].scale)
    share_out(len(rows), loop, *settings, state.sweeps + 1, sweeps, rows, twice, flips, energies)
    flipped = torch.from_numpy(flips.reshape(-1)[:count] / (sweeps * rows.shape[1]))
    return to_spins(rows, count), Info(torch.from_numpy(energies[:, :count]), flipped)


def twice_beta(betas: np.ndarray, scale: float) -> np.ndarray:
    """2β × scale as the loops take it: float32, and finite."""
    with np.errstate(over="ignore"):
        return np.minimum(2 * betas * scale, _LARGEST).astype(np.float32)


def site_order(graph: IsingGraph | SpinHypergraph, order: str) -> np.ndarray:
    """Sites in the order of a sweep, (N,), int64."""
    if order != "coloured":
        return np.arange(graph.num_spins)
    return np.argsort(site_colours(graph), kind="stable")


def site_colours(graph: IsingGraph | SpinHypergraph) -> np.ndarray:
    """Colours of sites, none of which interacts with another of its own, (N,)."""
    from graphar.montecarlo.loops.colours import colour

    terms = plan_terms(graph if isinstance(graph, IsingGraph) else graph.primal_graph())
    return colour(terms.ptr, terms.neighbour)
