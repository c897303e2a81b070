r"""Data sets of random instances, with exact log Z where it is within reach.

Instance i of a split is built by the family's own builder from the seed :func:`instance_seed`\ (seed, split, i) and
the size number i mod (number of sizes). So a data set is a function of its settings, more graphs leave the earlier ones
as they are, and instances of two splits or two seeds are drawn independently: they can be equal by chance alone, which
matters only where a graph has a handful of edges. Global random numbers are neither read nor moved.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from graphar._support.checks import as_float_tensor, check_positive
from graphar._support.files import read_state, write_state
from graphar._support.schema import FLOATING, one_of, record, tensor
from graphar.elimination.cost import choose, predict
from graphar.exact.eliminate import eliminate
from graphar.exact.planar.embedding import DrawingError, draw
from graphar.exact.planar.partition import planar
from graphar.hamiltonians.ising import IsingGraph
from graphar.instances._families import Recipe, instance_seed

__all__ = ["InstanceDataset", "instance_seed"]

FORMAT = "graphar dataset 1"
FIELDS = {
    "format": one_of(FORMAT),
    "settings": one_of(),
    "counts": tensor((None, 3), torch.int64),
    "edge_index": tensor((2, None), torch.int64),
    "weights": tensor((None,), *FLOATING),
    "h": tensor((None,), *FLOATING),
    "pos": tensor((None,), torch.float64),
    "log_partition": tensor((None, None), torch.float64, finite=False),  # NaN where it is out of reach
}


class InstanceDataset(InMemoryDataset):
    r"""Random instances of one family, of one or several sizes, as a PyG :class:`InMemoryDataset`.

    Every item is an :class:`graphar.IsingGraph` with two more attributes, ``beta`` (1, K) and ``log_partition``
    (1, K), both float64: for each β asked for, the exact

    .. math:: \log Z = \log \sum_x e^{-\beta H(x)}

    by elimination where the graph is narrow enough, by the Kac–Ward determinant where it is planar without field (to
    nine digits or more), and NaN where neither is within reach. Without ``betas``, K = 0. ``dataset.log_partition``
    (num_graphs, K) stacks all items.

    Data sets with equally many ``betas`` can be mixed by :class:`torch.utils.data.ConcatDataset`; give them different
    seeds, as families of one seed draw their couplings from one stream.

    Args:
        family: ``"random_regular"``, ``"erdos_renyi"``, ``"grid"`` (any dimension), ``"triangular"``,
            ``"sherrington_kirkpatrick"``, ``"wishart_planted"`` or ``"random_chain"``: the builder of that name; a
            planted ground state is left out, and comes with the builder's own graph at :func:`instance_seed`.
        sizes: first argument of the builder, a number of spins or the shape of a lattice, or a sequence of them that
            take turns.
        num_graphs: number of instances.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        seed: of the data set, at least 0; see :func:`instance_seed`.
        betas: inverse temperatures β ≥ 0 for ``log_partition``.
        memory: bytes that the elimination of one graph may take.
        seconds: time that it may take for each β. Predicted from the graph, not measured, so that what is known does
            not depend on the machine.
        root: folder of the cache. The data set is written to ``root/processed`` once, under a name made from all
            settings, and read from there afterwards; nothing is executed on reading. None keeps it in memory.
        transform: applied to a copy of an item whenever it is read.
        progress: whether to show a progress bar.
        options: of the builder: ``degree``, ``mean_degree``, ``periodic``, ``alpha``, ``couplings``, ``field``.

    Raises:
        ValueError: an argument that is unknown or out of range, also those that the builder refuses; a lattice with
            nothing random; a damaged file in ``root``.
        ImportError: a cold planar graph with frustration without ``pymatching`` (extra ``planar``).

    >>> import graphar as ga
    >>> from torch_geometric.loader import DataLoader
    >>> train = InstanceDataset("random_regular", sizes=(16, 20), num_graphs=6, degree=3, betas=(0.5, 1.0))
    >>> train  # doctest: +NORMALIZE_WHITESPACE
    InstanceDataset(6 train graphs, random_regular, sizes=(16, 20), degree=3, couplings='pm1', seed=0,
                    log Z at betas=(0.5, 1.0): 12 of 12)
    >>> abs(float(train[1].log_partition[0, 0]) - ga.exact.enumerate(train[1], 0.5).log_partition) < 1e-12
    True
    >>> batch = next(iter(DataLoader(train, batch_size=3)))
    >>> batch
    IsingGraphBatch(3 graphs, 52 spins, 78 couplings ±1, no field)
    >>> batch.log_partition.shape
    torch.Size([3, 2])
    >>> again = ga.random_regular(20, degree=3, couplings="pm1", seed=instance_seed(0, "train", 1))
    >>> bool((again.edge_weight == train[1].edge_weight).all())
    True
    """

    def __init__(
        self,
        family: str,
        *,
        sizes: Any,
        num_graphs: int,
        split: str = "train",
        seed: int = 0,
        betas: float | Sequence[float] | None = None,
        memory: float = 1e9,
        seconds: float = 1.0,
        root: str | PathLike[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        progress: bool = False,
        **options: Any,
    ) -> None:
        self.recipe = Recipe.of(family, sizes, num_graphs, options, split, seed)
        self.betas = _as_betas(betas)
        self._exact: dict[str, Any] = {
            "betas": self.betas,
            "memory": check_positive(memory, "memory"),
            "seconds": check_positive(seconds, "seconds"),
        }
        super().__init__(None if root is None else os.fspath(root), transform)
        path = None if root is None else Path(self.processed_paths[0])
        settings = self.recipe.text(**self._exact)
        if path is not None and path.exists():
            graphs = _read(path, settings, self.betas)
        else:
            graphs = self._build(progress)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, settings, graphs)
        self._places = [graph.pos for graph in graphs]  # PyG's store of all graphs has no place for them
        self._data, self.slices = self.collate(graphs)

    def _build(self, progress: bool) -> list[IsingGraph]:
        from tqdm.auto import tqdm

        numbers = tqdm(range(self.recipe.num_graphs), disable=not progress, unit="graph", dynamic_ncols=True)
        graphs = (self.recipe.build(index) for index in numbers)
        return [_with_reference(graph, _log_partition(graph, **self._exact), self.betas) for graph in graphs]

    @property
    def processed_file_names(self) -> str:
        """Name of the file in ``root/processed``, another for other settings."""
        return self.recipe.file_name(format=FORMAT, **self._exact)

    @property
    def num_known(self) -> int:
        """For how many of the ``len(dataset)`` · K pairs of a graph and a β ``log_partition`` is known."""
        return int(torch.isfinite(self._data.log_partition[list(self.indices())]).sum())

    def get(self, idx: int) -> IsingGraph:
        """Graph ``idx`` of the whole set; ``dataset[i]`` also knows of subsets and ``transform``."""
        graph = super().get(idx)
        graph.pos = self._places[idx]
        return graph

    def copy(self, idx: Any = None) -> InstanceDataset:
        """A copy of the data set, or of the graphs chosen by ``idx``."""
        kept = self.indices() if idx is None else self.index_select(idx).indices()
        dataset = super().copy(idx)
        dataset._places = [self._places[i] for i in kept]
        return dataset

    def to(self, device: torch.device | str | int) -> InstanceDataset:
        """Move the whole data set, in place as PyG has it."""
        self._data, self._data_list = self._data.to(device), None
        self._places = [None if place is None else place.to(device) for place in self._places]
        return self

    def __repr__(self) -> str:
        recipe, sizes = self.recipe, self.recipe.sizes
        parts = [f"{len(self)} {recipe.split} graph{'' if len(self) == 1 else 's'}", recipe.family]
        parts.append(f"sizes={sizes}" if len(sizes) <= 4 else f"{len(sizes)} sizes from {sizes[0]} to {sizes[-1]}")
        parts += [f"{name}={value!r}" for name, value in recipe.options.items() if value is not None]
        parts.append(f"seed={recipe.seed}")
        if self.betas:
            parts.append(f"log Z at betas={self.betas}: {self.num_known} of {len(self) * len(self.betas)}")
        return f"{type(self).__name__}({', '.join(parts)})"


# Exact values.


def _log_partition(graph: IsingGraph, betas: tuple[float, ...], memory: float, seconds: float) -> Tensor:
    """Exact log Z for every β, shape (K,), NaN where it is out of reach."""
    unknown = torch.full((len(betas),), math.nan, dtype=torch.float64)
    if not betas:
        return unknown
    frontier = choose(graph, None, math.inf)
    held, time = predict(frontier)
    if held <= memory and time <= seconds:
        return eliminate(graph, betas, frontier.ordering, memory=memory).log_partition
    embedding = None if graph.has_field else _embedding(graph)
    if embedding is None:
        return unknown
    for k, beta in enumerate(betas):
        try:
            unknown[k] = planar(graph, beta, embedding=embedding).log_partition
        except ValueError:  # a planar graph without field is refused only where rounding takes too many digits
            continue
    return unknown


def _embedding(graph: IsingGraph) -> str | None:
    """Which drawing has no crossings; the places of a cylinder have some, though it is planar."""
    for embedding in ("pos", "networkx"):
        try:
            draw(graph, embedding)
        except DrawingError:
            continue
        return embedding
    return None


def _with_reference(graph: IsingGraph, log_partition: Tensor, betas: tuple[float, ...]) -> IsingGraph:
    graph.beta = torch.tensor([betas], dtype=torch.float64)
    graph.log_partition = log_partition[None]
    return graph


# Files.


def _write(path: Path, settings: str, graphs: list[IsingGraph]) -> None:
    edges = [graph.undirected() for graph in graphs]
    places = [torch.empty(graph.num_spins, 0) if graph.pos is None else graph.pos for graph in graphs]
    state = {
        "format": FORMAT,
        "settings": settings,
        "counts": torch.tensor(
            [(g.num_spins, g.num_couplings, p.shape[1]) for g, p in zip(graphs, places, strict=True)]
        ),
        "edge_index": torch.cat([torch.stack([i, j]) for i, j, _ in edges], dim=1),
        "weights": torch.cat([weights for _, _, weights in edges]),
        "h": torch.cat([graph.h for graph in graphs]),
        "pos": torch.cat([place.double().flatten() for place in places]),
        "log_partition": torch.cat([graph.log_partition for graph in graphs]),
    }
    write_state(path, state)


def _read(path: Path, settings: str, betas: tuple[float, ...]) -> list[IsingGraph]:
    try:
        return _graphs(read_state(path, FORMAT, record(FIELDS)), settings, betas)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path}: not the data set that was written there, or damaged ({type(error).__name__}: {error}); "
            "without the file it is built anew"
        ) from error


def _graphs(state: dict[str, Any], settings: str, betas: tuple[float, ...]) -> list[IsingGraph]:
    if state["settings"] != settings:
        raise ValueError(f"settings must be {settings}, got {state['settings']}")
    if bool((state["counts"] < 0).any()):
        raise ValueError("counts must not be negative, got one that is")
    spins, edges, axes = state["counts"].T.tolist()
    numbers = [n * d for n, d in zip(spins, axes, strict=True)]
    lengths = {"edge_index": (2, sum(edges)), "weights": (sum(edges),), "h": (sum(spins),), "pos": (sum(numbers),)}
    for name, shape in (lengths | {"log_partition": (len(spins), len(betas))}).items():
        if state[name].shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(state[name].shape)}")
    log_partition = state["log_partition"]
    parts = zip(
        state["edge_index"].split(edges, dim=1),
        state["weights"].split(edges),
        state["h"].split(spins),
        state["pos"].split(numbers),
        spins,
        axes,
        log_partition,
        strict=True,
    )
    graphs = []
    for ends, weights, h, pos, n, d, values in parts:
        graph = IsingGraph.from_edges(ends, weights, h, n, pos=pos.reshape(n, d) if d else None)
        graphs.append(_with_reference(graph, values, betas))
    return graphs


# Checks.


def _as_betas(betas: Any) -> tuple[float, ...]:
    if betas is None:
        return ()
    values = as_float_tensor(betas, "betas").double()
    if values.dim() > 1 or bool((values < 0).any()):
        raise ValueError(f"betas must be numbers that are not negative, got {betas!r}")
    return tuple(values.reshape(-1).tolist())
