"""Models of many small graphs as one: the disjoint union, whose sweeps draw all of them at once.

A step of a small graph costs more in launching it than in computing it. Models of one head whose weights belong to
sites, or to pairs of one component, are together one model of the union of their graphs: its weights are theirs, one
graph after the other. Compiled sweeps keep log q, energies and random bits of its parts apart
(:class:`graphar.kernels.compiled.batch_layout.Batch`), so that every member has the numbers that it has by itself,
whatever else is drawn. Graphs of an odd number of spins get one more without couplings, whose weights nobody keeps:
sweeps take readers by twos, and which two share a row must not depend on the graphs before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from graphar.frontier import build_frontier
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.disjoint import side_by_side
from graphar.heads import BoundHead
from graphar.kernels.base import CHUNK
from graphar.kernels.compiled.batch_layout import spins_from_blocks
from graphar.kernels.compiled.pairs import PairKernel
from graphar.kernels.compiled.parts import measure_parts, plan_energies
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering

__all__ = ["Union", "UnionSamples", "unions"]

AT_ONCE = 2**24  # numbers that a union's sweep writes down at once: measured, see examples/benchmarks/batches.py


class UnionSamples(NamedTuple):
    """Samples of all members: spins in blocks, log q and energies without offset, float64, (members, samples)."""

    rows: Tensor
    log_prob: Tensor
    energy: Tensor


class Union:
    """Models as one; what they learn together is theirs once it is handed back.

    Args:
        models: of one kind, as :func:`unions` gives them.

    Attributes:
        head: of the union, with the weights of the models as they were.
    """

    def __init__(self, models: Sequence[Autoregressive]) -> None:
        self.models = list(models)
        first = self.models[0]
        sizes = torch.tensor([model.num_spins for model in self.models])
        self._ptr = torch.cat([sizes.new_zeros(1), (sizes + sizes % 2).cumsum(0)])
        self._starts = self._ptr[:-1].tolist()
        frontier = build_frontier(self._ordering(), "component", first.frontier.radius)
        config = first.head_config
        self.head: BoundHead = config.bind(frontier, generator=torch.Generator().manual_seed(0), dtype=first.dtype)
        self._places = dict(self._find_places())
        self._take_weights()
        kernel = type(first.kernel)(frontier, self.head, first.dtype, first.device)  # type: ignore[misc]
        assert isinstance(kernel, PairKernel)
        starts = torch.stack([self._ptr[:-1], self._ptr[:-1] + sizes], 1).flatten()
        part_ptr, where = torch.cat([starts, self._ptr[-1:]]).unique_consecutive(return_inverse=True)
        kernel.part_ptr, self._parts = part_ptr.numpy(), where[:-1:2]
        self._kernel, self._couplings = kernel, kernel.graph_couplings(frontier)
        row = torch.cat([kernel.row_of_site[s : s + n] for s, n in zip(self._starts, sizes.tolist(), strict=True)])
        self._rows = row.split(sizes.tolist())  # of the sites of each member
        self._energies = plan_energies(frontier.graph, kernel.row_of_site, kernel.part)
        self._offset = torch.tensor([float(model.graph.offset) for model in self.models], dtype=torch.float64)

    def _ordering(self) -> Ordering:
        """Sites, and ranks, of one graph after the other; the spin that makes their number even comes last."""
        graph, _ = side_by_side([model.graph for model in self.models], self._ptr.diff().tolist())
        sites = []
        for model, start, stop in zip(self.models, self._starts, self._ptr[1:].tolist(), strict=True):
            sites += [model.ordering.sites + start, torch.arange(start + model.num_spins, stop)]
        return Ordering(graph, torch.cat(sites), "union")

    # Weights.

    def _find_places(self) -> Iterator[tuple[str, tuple[int, Tensor, list[int]]]]:
        """Of each tensor of weights: the axis along which those of the models follow each other, and where they are."""
        each = [dict(model.head.named_parameters()) for model in self.models if model.head is not None]
        rank = torch.cat(
            [torch.arange(m.num_spins) + start for m, start in zip(self.models, self._starts, strict=True)]
        )
        for name, whole in self.head.named_parameters():
            parts = [weights[name].shape for weights in each]
            axis = next(axis for axis in range(whole.dim()) if _follow(whole.shape, parts, axis, int(self._ptr[-1])))
            lengths = [shape[axis] for shape in parts]
            total = sum(lengths)
            yield name, (axis, torch.arange(total) if total == whole.shape[axis] else rank, lengths)

    @torch.no_grad()
    def _take_weights(self) -> None:
        for name, whole in self.head.named_parameters():
            axis, places, _ = self._places[name]
            parts: list[Tensor] = [model.head.get_parameter(name) for model in self.models if model.head is not None]
            whole.index_copy_(axis, places, torch.cat(parts, axis))

    @torch.no_grad()
    def hand_back(self) -> None:
        """Give the models the weights that the union has."""
        for name, parts in self._split({name: weight.detach() for name, weight in self.head.named_parameters()}):
            for model, part in zip(self.models, parts, strict=True):
                assert model.head is not None
                model.head.get_parameter(name).copy_(part)

    def _split(self, tensors: dict[str, Tensor]) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
        for name, tensor in tensors.items():
            axis, places, lengths = self._places[name]
            yield name, tensor.index_select(axis, places).split(lengths, axis)

    def gradient_norms(self) -> list[float]:
        """Norm of the gradient of each model's weights."""
        found = {name: weight.grad for name, weight in self.head.named_parameters() if weight.grad is not None}
        norms = [[part.norm() for part in parts] for _, parts in self._split(found)]
        return [float(torch.stack(each).norm()) for each in zip(*norms, strict=True)]

    # Samples.

    @property
    def num_numbers(self) -> int:
        """Numbers that a sample of all members takes while it is drawn."""
        return self._kernel.held

    def sample(self, beta: float, keys: Sequence[int], count: int, differentiable: bool = False) -> UnionSamples:
        """``count`` samples of every member, from a key of each."""
        return self._sample(beta, keys, 0, count, differentiable)

    def draw(self, beta: float, keys: Sequence[int], count: int) -> Iterator[UnionSamples]:
        """The same in chunks of bounded memory, without gradients."""
        chunk = max(CHUNK, AT_ONCE // self.num_numbers // CHUNK * CHUNK)
        for first in range(0, count, chunk):
            yield self._sample(beta, keys, first, min(chunk, count - first), False)

    def _sample(self, beta: float, keys: Sequence[int], first: int, count: int, differentiable: bool) -> UnionSamples:
        """The spins that make numbers even are parts of their own, of which nothing is wanted."""
        every = [0] * (self._kernel.part_ptr.size - 1)
        for part, key in zip(self._parts.tolist(), keys, strict=True):
            every[part] = key
        rows, *sums = self._kernel.sample_parts(beta, self._couplings, every, first, count, differentiable)
        return UnionSamples(rows, *(each.index_select(0, self._parts) for each in sums))

    def spins(self, rows: Tensor, count: int) -> list[Tensor]:
        """Spins (count, N) of each member in its own site order, from blocks."""
        every = spins_from_blocks(rows, self._kernel.row_of_site, count)
        members = zip(self.models, self._starts, strict=True)
        return [every[:, start : start + model.num_spins] for model, start in members]

    def measure(self, rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Energies, offsets included, and magnetisations in float64, (members, count)."""
        parts = self._kernel.part_ptr.size - 1
        energy, magnetisation = (part[self._parts] for part in measure_parts(self._energies, rows, parts, count))
        return energy + self._offset[:, None], magnetisation

    def energies(self, rows: Tensor, samples: Tensor) -> Tensor:
        """Energies, offsets included and in float64, of one sample of each member, (members,)."""
        part = torch.from_numpy(self._kernel.part)
        chosen = samples.new_zeros(self._kernel.part_ptr.size - 1).index_copy(0, self._parts, samples)[part]
        block, column = chosen // rows.shape[2], chosen % rows.shape[2]
        one = rows[block, torch.arange(rows.shape[1]), column]
        return self.measure(one[None, :, None], 1)[0][:, 0]

    def configuration(self, rows: Tensor, member: int, sample: int) -> Tensor:
        """One sample of one member, int8, (N,)."""
        block, column = divmod(sample, rows.shape[2])
        return rows[block, :, column][self._rows[member]].to(torch.int8)


def unions(
    models: Sequence[Any], samples: int, kind: Callable[[int], Any] = lambda member: None
) -> Iterator[list[int]]:
    """Which models, by their numbers, are taken as one, and which by themselves, in lists of a single number.

    Args:
        models: of any graphs and heads.
        samples: that are drawn of each at once; unions are so large that they are worth the while, and fit in memory.
        kind: further things that members of one union must share.
    """
    open_: dict[Any, tuple[list[int], int]] = {}
    for member, model in enumerate(models):
        if not _joins(model):
            yield [member]
            continue
        config = model.head_config
        key = (type(config), repr(config), model.dtype, model.frontier.radius, kind(member))
        numbers = (model.frontier.num_arrivals + 4 * model.num_spins) * samples
        found, total = open_.get(key, ([], 0))
        if found and total + numbers > AT_ONCE:
            yield found
            found, total = [], 0
        open_[key] = ([*found, member], total + numbers)
    yield from (found for found, _ in open_.values())


def _joins(model: Any) -> bool:
    """Whether compiled sweeps draw a model and every weight belongs to a site, or to a pair of its component."""
    return (
        isinstance(model, Autoregressive)
        and vars(type(model.head_config)).get("weights_by_site", False)  # not of subclasses, which may do anything
        and isinstance(model.kernel, PairKernel)
        and isinstance(model.graph, IsingGraph)
        and model.core is None
        and model.frontier.kind == "component"
        and all(weight.requires_grad for weight in model.parameters())
    )


def _follow(whole: torch.Size, parts: list[torch.Size], axis: int, num_ranks: int) -> bool:
    """Whether tensors follow each other along an axis, alike along the others."""
    rest = [(*shape[:axis], *shape[axis + 1 :]) for shape in (whole, *parts)]
    return len(set(rest)) == 1 and whole[axis] in (sum(shape[axis] for shape in parts), num_ranks)
