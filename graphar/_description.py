"""The table that a frontier prints of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphar.frontier import Frontier

__all__ = ["describe", "format_bytes"]


def describe(frontier: Frontier, batch_size: int) -> str:
    """Width, pairs, parents, levels, memory and predicted cost; see :meth:`graphar.Frontier.describe`."""
    num_spins, num_pairs, num_arrivals = frontier.num_spins, frontier.num_pairs, frontier.num_arrivals
    steps = int(frontier.levels().max()) + 1
    parents = int(frontier.num_parents.sum())
    held = 4 * batch_size * (num_arrivals + 4 * num_spins)
    structure = 8 * (2 * num_pairs + 4 * num_arrivals + 4 * num_spins) + 12 * num_pairs
    operations = num_pairs + num_arrivals
    rows = [
        ("spins", f"{num_spins:,}"),
        ("couplings (arrivals)", f"{num_arrivals:,}"),
        ("width (largest separator)" if frontier.radius is None else "width (most spins read)", f"{frontier.width:,}"),
        ("pairs (linear weights)", f"{num_pairs:,}"),
        ("parents, summed", f"{parents:,}"),
        ("levels (sequential steps)", f"{steps:,}"),
        ("spins per level, mean", f"{num_spins / steps:.1f}"),
        ("memory, structure", format_bytes(structure)),
        (f"memory, batch of {batch_size}", format_bytes(held)),
        ("cost per sample", f"{operations:,} multiply-adds"),
        (f"cost per batch of {batch_size}", f"{operations * batch_size:.2e} multiply-adds"),
    ]
    cut = "" if frontier.radius is None else f", radius={frontier.radius}"
    title = f"{frontier.ordering.name} order, frontier={frontier.kind!r}{cut}"
    return "\n".join([title, *(f"  {name:<28}{value:>16}" for name, value in rows)])


def format_bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")
