r"""The objective on a plane of weights around those of a model.

.. math:: f(x, y) = \beta F_q(w + x\, d_1 + y\, d_2)

with filter-normalised random directions d: H. Li et al., `arXiv:1712.09913 <https://arxiv.org/abs/1712.09913>`_; for
autoregressive networks that are annealed, `arXiv:2204.11272 <https://arxiv.org/abs/2204.11272>`_.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphar._support.checks import check_count, check_flag, check_positive
from graphar._support.files import atomic_write, naming
from graphar._support.interrupt import finish_step_first
from graphar._support.seeds import check_seed, hash_key, make_generator
from graphar.landscapes.directions import check_directions, random_direction
from graphar.landscapes.objective import Direction, make_objective
from graphar.models.autoregressive import check_model
from graphar.models.distribution import Distribution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Landscape", "landscape"]

FORMAT = "graphar landscape 1"
MAX_POINTS = 1001  # along an axis

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landscape:
    """βF_q on a grid of a plane of weights; made by :func:`landscape`. The model's own weights are at (0, 0).

    Attributes:
        beta: inverse temperature β.
        num_spins: N.
        num_samples: samples behind each value, 0 where values are exact.
        x, y: lengths along the two directions, (X,) and (Y,).
        values: βF_q in nats, (X, Y), NaN where Ctrl-C came first.
        stderr: their standard errors, (X, Y), zero where values are exact.
        centre: βF_q at (0, 0).
        rise_stderr: standard errors of ``values − centre``, (X, Y): smaller, as both use the same random bits.
    """

    beta: float
    num_spins: int
    num_samples: int
    x: Floats
    y: Floats
    values: Floats
    stderr: Floats
    centre: float
    rise_stderr: Floats

    @property
    def complete(self) -> bool:
        """Whether every point was evaluated."""
        return not bool(np.isnan(self.values).any())

    @property
    def rise(self) -> Floats:
        """βF_q above that of the model itself, in nats, (X, Y)."""
        return self.values - self.centre

    @property
    def lowest(self) -> tuple[float, float]:
        """The point (x, y) of the lowest value; away from (0, 0) where the model is no minimum of the plane."""
        i, j = np.unravel_index(np.nanargmin(self.values), self.values.shape)
        return float(self.x[i]), float(self.y[j])

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to an ``.npz`` file, whole or not at all; see :meth:`load`."""
        with atomic_write(path) as file:
            parts: dict[str, Any] = {"format": np.array(FORMAT), **vars(self)}
            np.savez(file, **parts)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Landscape:
        """What :meth:`save` wrote; nothing is executed on reading.

        Raises:
            ValueError: it is something else, or damaged.
        """
        with open(path, "rb") as file, naming(Path(path)):
            try:
                with np.load(file, allow_pickle=False) as archive:
                    parts = {name: archive[name] for name in archive.files}
            except Exception as error:  # zip, zlib, struct and numpy each have their own
                raise ValueError(f"not a file of format {FORMAT!r}, or damaged ({error})") from error
            return cls(**_checked(parts))

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Contours of the rise in nats, and cuts through the middle with error bars; saved where there is a path."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11, 4.5), layout="constrained")
        plane, cuts = figure.subplots(1, 2)
        self.draw(plane)
        for along, at, style in (("x", len(self.y) // 2, "o-"), ("y", len(self.x) // 2, "s--")):
            index = (slice(None), at) if along == "x" else (at, slice(None))
            length = self.x if along == "x" else self.y
            cuts.errorbar(length, self.rise[index], self.rise_stderr[index], fmt=style, markersize=3, label=along)
        cuts.set(xlabel="length along the direction", ylabel="rise of βF_q (nats)", title="cuts through the middle")
        cuts.legend(frameon=False)
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def draw(self, axes: Axes) -> None:
        """Contours on axes of a figure of yours; they lie closer at small rises, where a minimum shows."""
        from matplotlib.colors import PowerNorm

        rise = np.where(np.isfinite(self.values), self.values, np.nan) - self.centre
        low, high = float(np.nanmin(rise)), float(np.nanmax(rise))
        levels = low + max(high - low, 1e-12) * np.linspace(0, 1, 21) ** 2
        shades = PowerNorm(0.5, low, levels[-1])
        filled = axes.contourf(self.x, self.y, rise.T, levels=levels, norm=shades, cmap="viridis")
        axes.contour(self.x, self.y, rise.T, levels=levels, colors="black", linewidths=0.3)
        axes.plot(0, 0, "+", color="white", markersize=10)
        axes.figure.colorbar(filled, ax=axes, label="rise of βF_q (nats)", format="%.3g")
        axes.set(xlabel="x", ylabel="y", title=f"β = {self.beta:g}, βF_q = {self.centre:.6g} in the middle")

    def __repr__(self) -> str:
        how = f"{self.num_samples} samples a point" if self.num_samples else "exact"
        done = "" if self.complete else f", {int(np.isfinite(self.values).sum())} points done"
        low, (x, y) = float(np.nanmin(self.rise)), self.lowest
        return (
            f"Landscape({self.num_spins} spins, beta={self.beta:g}, {len(self.x)}×{len(self.y)} points, {how}{done}, "
            f"βF_q={self.centre:.6g} at (0, 0), {low:+.3g} at ({x:.3g}, {y:.3g}))"
        )


def landscape(
    q: Distribution,
    num: int = 21,
    span: float = 1.0,
    num_samples: int | None = None,
    *,
    directions: Sequence[Direction] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Landscape:
    r"""The objective on a plane of two directions around the present weights of a model.

    .. math:: f(x, y) = \beta F_q(w + x\, d_1 + y\, d_2), \qquad x, y \in [-\text{span}, \text{span}]

    By default the directions are random, and every filter of them is as long as the model's own: the weights of one
    reader in one layer (of one unit, where a reader has several), biases of a layer together. Of a saved model or a
    checkpoint, pass ``ga.load(path).at(beta)``. The model itself is not touched. Ctrl-C returns what there is, from the
    middle outwards.

    All points draw their samples from the same random bits, so that the surface is smooth beyond its error bars; on
    graphs of at most 16 spins, where ``num_samples`` is left open, it is exact.

    References: `arXiv:1712.09913 <https://arxiv.org/abs/1712.09913>`_,
    `arXiv:2204.11272 <https://arxiv.org/abs/2204.11272>`_.

    Args:
        q: a model at its inverse temperature, ``model.at(beta)``.
        num: points along each direction, odd, so that the model itself is one of them.
        span: how far to go each way, in lengths of the directions.
        num_samples: at each point; by default exact up to 16 spins, else 1000.
        directions: two changes of the weights, dictionaries of tensors by name, used as they are: eigenvectors of
            :func:`hessian_eigenvalues`, or the way between two models.
        seed: of directions and samples.
        progress: whether to show a progress bar.

    Raises:
        ValueError: an argument breaks its rule, or the model has nothing to learn.

    >>> import graphar as ga
    >>> model = ga.Autoregressive(ga.chain(6, couplings="ferromagnet"))
    >>> plane = landscape(model.at(0.5), num=5, progress=False)
    >>> plane.values.shape, plane.complete
    ((5, 5), True)
    """
    if check_count(num, "num", 3) % 2 == 0 or num > MAX_POINTS:
        raise ValueError(f"num must be odd and at most {MAX_POINTS}, got {num}")
    span, show = check_positive(span, "span"), check_flag(progress, "progress")
    objective = make_objective(q, num_samples, hash_key(check_seed(seed), "landscape"))
    if directions is None:
        generator = make_generator(seed, None, "directions")
        first, second = (random_direction(check_model(q.model), generator) for _ in range(2))
    else:
        first, second = check_directions(check_model(q.model), directions)
    length = np.linspace(-span, span, num)
    length[num // 2] = 0.0
    values, stderr, rise_stderr = np.full((3, num, num), np.nan)
    centre = objective.at()
    points = sorted(np.ndindex(num, num), key=lambda at: (at[0] - num // 2) ** 2 + (at[1] - num // 2) ** 2)
    from tqdm.auto import tqdm

    with finish_step_first() as stop:
        for i, j in tqdm(points, desc="landscape", unit="point", disable=not show, leave=None, dynamic_ncols=True):
            if stop.requested:
                break
            found = objective.at((float(length[i]), first), (float(length[j]), second))
            # a value that is no number is as high as can be: weights out there lead beyond the floating type
            values[i, j] = math.inf if math.isnan(found.mean) else found.mean
            stderr[i, j] = found.stderr
            rise = found.losses - centre.losses
            rise_stderr[i, j] = float(rise.std()) / math.sqrt(len(rise)) if len(rise) else 0.0
    return Landscape(
        beta=q.beta,
        num_spins=q.graph.num_spins,
        num_samples=len(centre.losses),
        x=length,
        y=length.copy(),
        values=values,
        stderr=stderr,
        centre=centre.mean,
        rise_stderr=rise_stderr,
    )


def _checked(parts: dict[str, Any]) -> dict[str, Any]:
    """The fields of a file, each of its type and shape."""
    names = set(Landscape.__dataclass_fields__)
    if set(parts) != {*names, "format"} or str(parts.pop("format")) != FORMAT:
        raise ValueError(f"not a file of format {FORMAT!r}")
    grid = (parts["x"].size, parts["y"].size)
    shapes = {"x": grid[:1], "y": grid[1:], **dict.fromkeys(("values", "stderr", "rise_stderr"), grid)}
    for name, part in parts.items():
        kind = "i" if name.startswith("num_") else "f"
        if part.dtype.kind != kind or part.shape != shapes.get(name, ()):
            raise ValueError(f"{name} must have shape {shapes.get(name, ())}, got {part.dtype}, {part.shape}")
    scalars = {name: parts[name].item() for name in names - set(shapes)}
    for name in ("x", "y"):
        if not parts[name].size or not np.isfinite(parts[name]).all():
            raise ValueError(f"{name} must be finite lengths, got others")
    if scalars["num_spins"] < 1 or scalars["num_samples"] < 0 or not np.isfinite(scalars["beta"]):
        raise ValueError("num_spins, num_samples and beta must be those of a model, got others")
    return {**{name: parts[name].astype(np.float64) for name in shapes}, **scalars}
