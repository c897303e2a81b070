r"""Hidden states that are passed along a memory DAG: recurrent networks, on any graph.

Spin i hears some earlier spins j, its **slots** (:mod:`graphar.heads.recurrent.memory`): their values x_j and their
hidden states. A chain of them is the one-dimensional network, the drawn neighbours on a lattice are the
two- or three-dimensional one, reaches of 1, 2, 4, … in successive layers are the dilated one (M. Hibat-Allah, E. M.
Inack, R. Wiersema, R. G. Melko, J. Carrasquilla, `arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_), and the
neighbours on the graph make a sparse one.

Weights are held as a whole for all layers, with a first axis of sites, of length one where sites share them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from graphar._support.checks import check_count, check_flag
from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph
from graphar.heads.base import BoundHead, CompiledHead, Head, check_scale
from graphar.heads.inputs import SiteInputs
from graphar.heads.recurrent.cells import ACTIVATIONS, CELLS, RecurrentCoefficients, new_states
from graphar.heads.recurrent.memory import MEMORIES, arrivals_of, levels_of, make_slots
from graphar.ordering import Ordering, zigzag
from graphar.ordering.reads import Reads

__all__ = ["BoundRecurrent", "Recurrent"]

SLOTS = 3  # of memory="graph"
MOST_SLOTS = 6  # of the tensor cell: it has a matrix for each of 2^slots settings of the spins


@dataclass(frozen=True)
class Recurrent(Head):
    r"""Recurrent network along a memory DAG.

    .. math:: \text{logit}_i = 2\beta w_i (h_i + \xi_{ii}) + u_i \cdot s_i + c_i

    with the skip w from 1 and the hidden state s_i of the last layer. With slots j = 1 … K, their spins x_j and states
    s_j, and f_i for the features 1, x_1 … x_K, the cells are

    .. math::
        \text{vanilla} \quad & s_i = \phi\Big(W f_i + \sum_j A_j s_j\Big) \\
        \text{tensor} \quad & s_i = \phi\Big(W f_i + \sum_j \big(A_j + \sum_k x_k B_{kj}\big) s_j\Big) \\
        \text{gru} \quad & s_i = (1 - z) \circ \phi\Big(W^n f_i + r \circ \sum_j A^n_j s_j\Big) + z \circ \bar s, \quad
        r, z = \sigma\Big(W^{r,z} f_i + \sum_j A^{r,z}_j s_j\Big)

    where s̄ is the mean over the slots that are filled, and empty ones count as zero. The tensor cell is x^T T s of the
    paper, with T_0 + x T_1 for a matrix of each spin's value. In further layers, slots are heard in the same layer, and
    the state below of the same spin enters as the features do.

    Work and memory: O(hidden²) for each edge of the memory DAG and sample; a sample holds ``hidden`` numbers for each
    spin and layer.

    References: `arXiv:2101.10154 <https://arxiv.org/abs/2101.10154>`_, and for the GRU as a wave function
    `arXiv:2002.02973 <https://arxiv.org/abs/2002.02973>`_.

    Args:
        memory: ``"chain"``, the spin before; ``"grid"``, the drawn neighbours on the lattice of ``graph.pos``, with a
            slot for each axis (on a core of the dial, the nearest sites left on the same line); ``"dilated"``, in layer
            l the spin 2^(l−1) before; ``"graph"``, the last drawn of the neighbours, then of the separator.
        cell: ``"vanilla"``, ``"gru"`` or ``"tensor"``.
        hidden: units of a state.
        layers: states of a spin; 1 by default, ⌈log2 N⌉ for ``"dilated"``.
        slots: spins heard with ``memory="graph"``, 3 by default; given by the others.
        shared: whether all sites have the same weights.
        couplings: whether h_i, ξ_ii and, for each slot, J_ij and J_ij x_j are features too, times β, so that shared
            weights may serve other graphs.
        skip: whether there is the term with w.
        activation: φ, ``"elu"`` or ``"tanh"``; by default tanh for ``"gru"`` and elu for the others.
        scale: size of the starting u and c, times 1/√N.

    Raises:
        ValueError: another memory, cell or activation, a count below 1, ``slots`` with another memory, or more than 6
            for the tensor cell; at binding, a graph without places on a lattice for ``"grid"``.

    >>> import graphar as ga
    >>> graph = ga.grid((4, 4))
    >>> ga.Autoregressive(graph, Recurrent("grid", "tensor", hidden=8, shared=True), ga.zigzag).num_parameters
    418
    """

    learning_rate: ClassVar[float] = 1e-3

    memory: str = "graph"
    cell: str = "tensor"
    hidden: int = 16
    layers: int | None = None
    slots: int | None = None
    shared: bool = False
    couplings: bool = False
    skip: bool = True
    activation: str | None = None
    scale: float = 1e-2

    def __post_init__(self) -> None:
        for name, known in (("memory", MEMORIES), ("cell", CELLS)):
            if not isinstance(value := getattr(self, name), str) or value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        check_count(self.hidden, "hidden")
        if self.layers is None and self.memory != "dilated":
            object.__setattr__(self, "layers", 1)
        if self.slots is None and self.memory == "graph":
            object.__setattr__(self, "slots", SLOTS)
        if self.layers is not None:
            check_count(self.layers, "layers")
        if self.slots is not None:
            check_count(self.slots, "slots")
            if self.memory != "graph":
                raise ValueError(f'slots must be left out but for memory="graph", got {self.slots}')
            self._check_slots(self.slots)
        for name in ("shared", "couplings", "skip"):
            check_flag(getattr(self, name), name)
        if self.activation is None:
            object.__setattr__(self, "activation", "tanh" if self.cell == "gru" else "elu")
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        check_scale(self.scale)

    def _check_slots(self, slots: int) -> None:
        if self.cell == "tensor" and slots > MOST_SLOTS:
            raise ValueError(f"slots must be at most {MOST_SLOTS} for the tensor cell, got {slots}")

    def default_ordering(self, graph: IsingGraph) -> Ordering:
        """Along the rows of the lattice for ``"grid"``, forth and back."""
        return zigzag(graph) if self.memory == "grid" else super().default_ordering(graph)

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def bind(self, frontier: Frontier, *, generator: torch.Generator, dtype: torch.dtype) -> BoundHead:
        """Module with the weights of each site, or of all.

        Raises:
            ValueError: no places on a lattice, or too many axes for the tensor cell.
        """
        n, d = frontier.num_spins, self.hidden
        layers = self.layers or max(1, math.ceil(math.log2(n)))
        slots = make_slots(frontier, self.memory, layers, self.slots or 0)
        count = slots.shape[2]
        self._check_slots(count)
        of_sites = 1 if self.shared else n
        terms, gates = (1 + count if self.cell == "tensor" else 1), (3 if self.cell == "gru" else 1)
        numbers = 1 + count + (2 + 2 * count if self.couplings else 0)

        def start(size: float, *shape: int) -> Tensor:
            return size * torch.randn(shape, generator=generator, dtype=dtype)

        width = 1 / math.sqrt(d * (count * terms + (layers > 1)))
        features = start(1 / math.sqrt(numbers), of_sites, layers, numbers, gates * d)
        features[:, :, 0] = 0
        tail = self.scale / math.sqrt(n)
        return BoundRecurrent(
            self,
            slots,
            arrivals_of(frontier, slots),
            levels_of(frontier, slots),
            features,
            start(width, of_sites, layers, terms, count, d, gates * d),
            start(width, of_sites, layers - 1, d, gates * d),
            start(tail, of_sites, d),
            start(tail, of_sites),
            torch.ones(of_sites, dtype=dtype) if self.skip else None,
        )


class BoundRecurrent(CompiledHead):
    """A recurrent network on one graph.

    Attributes:
        slots: ranks that each rank hears, −1 for none, (layers, N, slots).
        slot_arrivals: arrivals that carry the couplings to them, −1 for none, as ``slots``.
    """

    reads = Reads.MEMORY

    def __init__(
        self,
        config: Recurrent,
        slots: Tensor,
        slot_arrivals: Tensor,
        levels: Tensor,
        features: Tensor,
        recurrent: Tensor,
        below: Tensor,
        out: Tensor,
        constant: Tensor,
        skip: Tensor | None,
    ) -> None:
        super().__init__()
        self.config = config
        self._levels = levels
        self.slots: Tensor
        self.slot_arrivals: Tensor
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer("slot_arrivals", slot_arrivals, persistent=False)
        self.features, self.recurrent = nn.Parameter(features), nn.Parameter(recurrent)
        self.below, self.out = nn.Parameter(below), nn.Parameter(out)
        self.constant = nn.Parameter(constant)
        self.skip = None if skip is None else nn.Parameter(skip)

    def levels(self, frontier: Frontier) -> Tensor:
        return self._levels

    def filters(self, frontier: Frontier) -> dict[str, Tensor]:
        """A filter is what one hidden unit hears, of a site or of all; those of what is read from states, by site."""
        sites, layers, _, units = self.features.shape
        unit = torch.arange(sites * layers * units).view(sites, layers, 1, units)
        above = unit[:, 1:, 0, None, :]
        own = {"features": unit, "recurrent": unit[:, :, None, None], "below": above}
        return super().filters(frontier) | own

    def coefficients(self, beta: float, field: Tensor) -> RecurrentCoefficients:
        skip = torch.zeros_like(field) if self.skip is None else 2 * beta * self.skip.expand(len(field))
        constant = skip * field + self.constant
        return RecurrentCoefficients(constant, skip, self.features, self.recurrent, self.below, self.out)

    def new_memory(self, batch: int) -> Tensor:
        """States of all spins drawn so far, and zero in the last row, (layers, N + 1, hidden, batch)."""
        layers, n, _ = self.slots.shape
        return self.out.new_zeros(layers, n + 1, self.out.shape[1], batch)

    def forward(self, inputs: SiteInputs) -> Tensor:
        if inputs.memory is not None:
            return self._logits(inputs, inputs.ranks, slice(None), self._draw(inputs))
        # given spins: level after level, with the states of single spins in lists, which autograd passes through
        nothing = inputs.local.new_zeros(self.out.shape[1], inputs.local.shape[1])
        layers, n, _ = self.slots.shape
        states: list[list[Tensor]] = [[nothing] * (n + 1) for _ in range(layers)]  # −1 is the last, and stays zero
        level_of_row = self._levels[inputs.ranks.cpu()]
        logits: list[Tensor] = []
        rows: list[Tensor] = []
        for level in range(int(level_of_row.max()) + 1):
            row = (level_of_row == level).nonzero()[:, 0].to(inputs.ranks.device)
            ranks, state = inputs.ranks[row], None
            for layer in range(layers):
                heard = [torch.stack([states[layer][j] for j in own]) for own in self.slots[layer, ranks].tolist()]
                state = self._cell(inputs, ranks, row, layer, torch.stack(heard), state)
                for rank, own in zip(ranks.tolist(), state.unbind(), strict=True):
                    states[layer][rank] = own
            assert state is not None
            logits.append(self._logits(inputs, ranks, row, state))
            rows.append(row)
        return torch.cat(logits)[torch.cat(rows).argsort()]

    def _draw(self, inputs: SiteInputs) -> Tensor:
        """States of the last layer of the spins that are drawn next, (n, hidden, batch), and all of them kept."""
        state = None
        for layer, kept in enumerate(inputs.memory):
            state = self._cell(inputs, inputs.ranks, slice(None), layer, kept[self.slots[layer, inputs.ranks]], state)
            kept.index_copy_(0, inputs.ranks, state)
        assert state is not None
        return state

    def _logits(self, inputs: SiteInputs, ranks: Tensor, row: Tensor | slice, state: Tensor) -> Tensor:
        own = ranks if len(self.out) > 1 else torch.zeros_like(ranks)
        logits = (self.out[own, :, None] * state).sum(1) + self.constant[own, None]
        if self.skip is None:
            return logits
        return logits + 2 * inputs.beta * self.skip[own, None] * (inputs.field + inputs.local)[row]

    def _cell(
        self, inputs: SiteInputs, ranks: Tensor, row: Tensor | slice, layer: int, heard: Tensor, below: Tensor | None
    ) -> Tensor:
        """New states (n, hidden, batch) from those of the slots, (n, slots, hidden, batch), and of the layer below."""
        config, own = self.config, ranks if len(self.out) > 1 else torch.zeros_like(ranks)
        slots, history = self.slots[layer, ranks], inputs.history
        assert history is not None
        x = torch.where((slots >= 0)[..., None], history.spins[history.row_of_rank[slots]], 0.0)
        features = [torch.ones_like(x[:, :1]), x]
        if config.couplings:
            arrival = self.slot_arrivals[layer, ranks]
            J = torch.zeros_like(slots, dtype=x.dtype)
            if history.coupling.numel():
                J = torch.where(arrival >= 0, history.coupling[history.row_of_arrival[arrival]], 0.0)
            field = (inputs.beta * inputs.field[row]).expand(-1, x.shape[2])
            beta_J = inputs.beta * J[..., None]
            features += [field[:, None], inputs.beta * inputs.local[row][:, None], beta_J.expand_as(x), beta_J * x]
        into = self.features[own, layer].transpose(1, 2) @ torch.cat(features, 1)
        if below is not None:
            into = into + self.below[own, layer - 1].transpose(1, 2) @ below
        weights = self.recurrent[own, layer]
        return new_states(config.cell, str(config.activation), weights, into, x, heard, slots)
