r"""Random directions in the space of weights, each filter as long as the model's own.

.. math:: d_f \leftarrow \frac{|w_f|}{|d_f|} \, d_f

so that a step of one changes every filter by its own size: what a plane shows then does not depend on the units in
which a layer is measured. A filter is what one unit weighs, the weights of one reader in one layer, as
:meth:`graphar.heads.BoundHead.filters` has it. H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein,
`arXiv:1712.09913 <https://arxiv.org/abs/1712.09913>`_.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from graphar._support.checks import as_float_tensor
from graphar.landscapes.objective import Direction, trainable
from graphar.models.autoregressive import Autoregressive

__all__ = ["check_directions", "filter_norms", "random_direction"]


def filter_norms(values: Tensor, labels: Tensor) -> Tensor:
    """Norm of the filter that each number belongs to, in the shape of the numbers.

    >>> filter_norms(torch.tensor([3.0, 4.0, 2.0]), torch.tensor([0, 0, 1]))
    tensor([5., 5., 2.])
    """
    groups = labels.to(values.device).broadcast_to(values.shape).flatten()
    squares = values.new_zeros(int(groups.max()) + 1).index_add_(0, groups, values.flatten() ** 2)
    return squares.sqrt()[groups].view_as(values)


def random_direction(model: Autoregressive, generator: torch.Generator) -> Direction:
    """Normal numbers whose filters are as long as those of the weights, by the names of the model's tensors."""
    head = model.head
    assert head is not None
    labels = {f"head.{name}": numbers for name, numbers in head.filters(model.frontier).items()}
    direction = {}
    for name, weight in trainable(model).items():
        own = weight.detach().double().cpu()
        noise = torch.randn(own.shape, generator=generator, dtype=torch.float64)
        direction[name] = noise * filter_norms(own, labels[name]) / filter_norms(noise, labels[name])
    return direction


def check_directions(model: Autoregressive, directions: Any) -> tuple[Direction, Direction]:
    """Two directions, each with a tensor of the right shape for every tensor that is trained."""
    if isinstance(directions, Mapping | Tensor) or not isinstance(directions, Sequence) or len(directions) != 2:
        raise ValueError(f"directions must be two, a sequence of dictionaries, got {type(directions).__name__}")
    shapes = {name: weight.shape for name, weight in trainable(model).items()}
    found = []
    for direction in directions:
        if not isinstance(direction, Mapping) or set(direction) != set(shapes):
            raise ValueError(f"directions must have the tensors {', '.join(shapes)}, got {_told(direction)}")
        checked = {name: as_float_tensor(direction[name], f"directions[{name!r}]").double() for name in shapes}
        for name, shape in shapes.items():
            if checked[name].shape != shape:
                raise ValueError(
                    f"directions[{name!r}] must have shape {tuple(shape)}, got {tuple(checked[name].shape)}"
                )
        found.append({name: part.detach().cpu() for name, part in checked.items()})
    return found[0], found[1]


def _told(direction: Any) -> str:
    return ", ".join(map(str, direction)) if isinstance(direction, Mapping) else type(direction).__name__
