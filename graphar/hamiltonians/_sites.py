"""What a graph knows of its sites beside PyG's store: their places and their names."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Hashable
from typing import Any, Self

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphar._support.checks import as_float_tensor, check_dtype, check_spins
from graphar.hamiltonians.edges import describe_values
from graphar.hamiltonians.labels import as_labels, is_plain, look_up, site_numbers

__all__ = ["SiteData"]


class SiteData(Data):
    """A PyG graph whose sites may have places and names.

    Both are kept beside PyG's store: PyG cannot batch a graph that has an entry with one that lacks it.
    """

    @property
    def num_spins(self) -> int:
        """N."""
        return int(self.num_nodes or 0)

    @property
    def pos(self) -> Tensor | None:
        """Places of the sites, shape (N, d), or None; for pictures and planar methods, no part of a batch."""
        return self.__dict__.get("_pos")

    @pos.setter
    def pos(self, places: Any) -> None:
        self.__dict__["_pos"] = (
            places if places is None or isinstance(places, Tensor) else as_float_tensor(places, "pos")
        )

    @property
    def labels(self) -> tuple[Hashable, ...] | None:
        """Names of the sites, N distinct hashables, or None where they are 0…N−1 themselves; no part of a batch."""
        sites = self.__dict__.get("_site_of")
        return None if sites is None else tuple(sites)

    @labels.setter
    def labels(self, labels: Any) -> None:
        sites = None if labels is None else as_labels(labels)
        n = self._store.get("num_nodes")
        if sites is not None and n is not None and len(sites) != n:
            raise ValueError(f"labels must be {n}, one per site, got {len(sites)}")
        self.__dict__["_site_of"] = None if sites is None or is_plain(sites) else sites

    @property
    def has_field(self) -> bool:
        """Whether any h_i differs from zero."""
        return bool((self.h != 0).any())

    @property
    def planted(self) -> Tensor | None:
        """A configuration of lowest energy known by construction, int8, shape (N,), or None; no part of a batch."""
        return self.__dict__.get("_planted")

    @planted.setter
    def planted(self, spins: Any) -> None:
        planted = None if spins is None else check_spins(spins, self.num_spins, "planted").to(torch.int8)
        if planted is not None and planted.dim() != 1:
            raise ValueError(f"planted must be one configuration, shape ({self.num_spins},), got {planted.shape}")
        self.__dict__["_planted"] = planted

    def site(self, label: Hashable) -> int:
        """Site of a label, the place of its spin in tensors (..., N); a site number is its own label if there are none.

        Raises:
            ValueError: no site has this label.

        >>> from graphar import IsingGraph
        >>> IsingGraph.from_edge_list([("a", "b", 1.0), ("b", "c", -1.0)]).site("c")
        2
        """
        sites = self.__dict__.get("_site_of")
        if sites is not None:
            return int(look_up([label], sites, "label")[0])
        numbers = site_numbers([label], "label")
        if numbers is None or numbers[0] >= self.num_spins:
            raise ValueError(f"label must be a site, 0…{self.num_spins - 1}, as the graph has no labels, got {label!r}")
        return int(numbers[0])

    def by_label(self, spins: Any) -> dict[Hashable, int]:
        """One configuration as ``{label: ±1}``, in the order of the sites.

        Args:
            spins: ±1, shape (N,).

        >>> import torch
        >>> from graphar import IsingGraph
        >>> graph = IsingGraph.from_edge_list([("a", "b", 1.0), ("b", "c", -1.0)])
        >>> graph.by_label(torch.tensor([1, 1, -1]))
        {'a': 1, 'b': 1, 'c': -1}
        """
        x = check_spins(spins, self.num_spins)
        if x.dim() != 1:
            raise ValueError(f"spins must be one configuration, shape ({self.num_spins},), got {tuple(x.shape)}")
        labels = range(self.num_spins) if self.labels is None else self.labels
        return {label: int(value) for label, value in zip(labels, x.tolist(), strict=True)}

    def _described(self, weights: Tensor) -> list[str]:
        """Fields, offset, names, and what is unusual of the numbers, as ``repr`` says them."""
        field, offset = describe_values(self.h), describe_values(self.offset)
        parts = ["field" + field if field not in ("", " = 0") else "no field"]
        batched = getattr(self, "batch", None) is not None
        if self.offset.numel() == 1 and not batched and offset not in ("", " = 0"):
            parts.append("offset" + offset.replace(" =", ""))
        if self.labels is not None:
            first, last = (reprlib.repr(self.labels[k]) for k in (0, -1))
            parts.append(f"labels {first}…{last}" if self.num_spins > 1 else f"label {first}")
        if weights.dtype != torch.float64:
            parts.append(str(weights.dtype).removeprefix("torch."))
        if weights.device.type != "cpu":
            parts.append(str(weights.device))
        return parts

    def apply(self, func: Callable[[Tensor], Tensor], *args: str) -> Self:
        """Apply a function to all tensors, places and planted spins too, or to those named; ``clone``, … call it."""
        super().apply(func, *args)
        if self.pos is not None and (not args or "pos" in args):
            self.pos = func(self.pos)
        if self.planted is not None and (not args or "planted" in args):
            self.planted = func(self.planted)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Copy on another device and/or with another floating type, as for a torch module.

        A floating dtype changes couplings, fields, offset and places; site numbers stay integers.
        """
        device, dtype, non_blocking, _ = torch._C._nn._parse_to(*args, **kwargs)
        if dtype is not None:
            check_dtype(dtype)

        def move(tensor: Tensor) -> Tensor:
            kind = dtype if tensor.is_floating_point() else None
            return tensor.to(device=device, dtype=kind, non_blocking=non_blocking)

        return self.clone().apply(move)

    def subgraph(self, subset: Tensor) -> Self:
        """Spins of a subset of the sites, by numbers or a mask, the couplings between them, their places and names."""
        part = super().subgraph(subset)
        labels = self.labels
        part.planted = None  # of the whole, not of a part
        part.pos = None if self.pos is None else self.pos[subset]
        kept = subset.nonzero().flatten() if subset.dtype == torch.bool else subset
        part.labels = None if labels is None else [labels[k] for k in kept.tolist()]
        return part
