"""Pictures, each a matplotlib figure: a graph with its order and one frontier, a run, log Z by several methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphar._support.checks import check_count
from graphar.free_energies.result import LogPartition
from graphar.frontier import Frontier
from graphar.hamiltonians import IsingGraph
from graphar.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_frontier", "plot_log_partition", "plot_run"]

MAX_DRAWN = 20_000  # spins; beyond, a picture shows nothing and takes minutes


def plot_frontier(frontier: Frontier, rank: int | None = None) -> Figure:
    """The graph, coloured by rank, with the separator, component and frontier of one spin.

    Args:
        frontier: of an ordering.
        rank: the spin shown, by rank; by default the one of the largest separator.

    Raises:
        ValueError: ``frontier`` is none, ``rank`` is not 0…N−1, or the graph is too large to be drawn.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    if not isinstance(frontier, Frontier):
        raise ValueError(f"frontier must be a Frontier, such as model.frontier, got {type(frontier).__name__}")
    n = frontier.num_spins
    if n > MAX_DRAWN:
        raise ValueError(f"graph must have at most {MAX_DRAWN} spins to be drawn, got {n}")
    if rank is None:
        rank = int(frontier.num_parents.argmax())
    if check_count(rank, "rank", 0) >= n:
        raise ValueError(f"rank must be at most {n - 1}, got {rank}")
    place = _places(frontier)[frontier.ordering.sites.numpy()]  # by rank
    source, target, weight = _edges(frontier)
    pairs = frontier.pair_spin[frontier.pair_ptr[rank] : frontier.pair_ptr[rank + 1]].numpy()
    parents = frontier.parents_spin[frontier.parents_ptr[rank] : frontier.parents_ptr[rank + 1]].numpy()

    figure = Figure(figsize=(13, 5.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    size = np.clip(9000 / n, 4, 140)
    lines = place[np.stack([source, target], axis=1)]
    for axes in (left, right):
        colours = np.where(weight >= 0, "#b0b0b0", "#e0a080")
        axes.add_collection(LineCollection(list(lines), colors=list(colours), linewidths=0.6, zorder=0))
        axes.set_aspect("equal")
        axes.axis("off")
    shown = left.scatter(*place.T, c=np.arange(n), s=size, cmap="viridis", zorder=1)
    figure.colorbar(shown, ax=left, label="rank (sampled first: 0)", shrink=0.8)
    left.set_title(f"{frontier.ordering.name} order: {int(frontier.levels().max()) + 1} levels")

    inside = _subtree(frontier.parent.numpy(), rank)
    cut = "" if frontier.radius is None else f" within {frontier.radius}"
    read = "separator P" if frontier.radius is None else f"parents P{cut}"
    right.scatter(*place.T, c="#eeeeee", s=size, zorder=1)
    for members, colour, label in (
        (inside, "#a6cee3", f"component C: {inside.size}"),
        (pairs, "#1f78b4", f"frontier F{cut}: {pairs.size} messages"),
        (parents, "#e31a1c", f"{read}: {parents.size} earlier spins"),
        (np.array([rank]), "#000000", f"spin of rank {rank}"),
    ):
        right.scatter(*place[members].T, c=colour, s=size, label=label, zorder=2)
    right.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    right.set_title("what one conditional needs")
    return figure


def plot_log_partition(found: Sequence[LogPartition]) -> Figure:
    """What :func:`graphar.log_partition` found at several β: entropy and energy per site, and how far methods differ.

    Raises:
        ValueError: ``found`` holds something else, or nothing.
    """
    from matplotlib.figure import Figure

    if not found or not all(isinstance(each, LogPartition) for each in found):
        raise ValueError(f"found must hold answers of graphar.log_partition, got {found!r}")
    rising = sorted(found, key=lambda each: each.beta)
    betas, n = [each.beta for each in rising], rising[0].num_spins
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in ("energy", "entropy"):
        values = [getattr(each, name) for each in rising]
        left.errorbar(betas, [v.value / n for v in values], [v.stderr / n for v in values], fmt="o-", label=name)
    left.set(xlabel="β", ylabel="per site")
    left.legend(frameon=False)
    methods = list(dict.fromkeys(opinion.method for each in rising for opinion in each.opinions))
    for k, method in enumerate(methods):
        rows = [
            (each.beta * (1 + 0.01 * k), opinion.log_partition.value - each.log_partition.value, opinion)
            for each in rising
            for opinion in each.opinions
            if opinion.method == method and opinion.used
        ]
        errors = [opinion.log_partition.stderr for _, _, opinion in rows]
        right.errorbar([row[0] for row in rows], [row[1] for row in rows], errors, fmt="o", label=method)
    right.axhline(0, color="#b0b0b0", zorder=0)
    right.set(xlabel="β", ylabel="log Z of each method − answer, in nats")
    right.legend(frameon=False, fontsize="small")
    return figure


def plot_run(run: Run, num_spins: int) -> Figure:
    """Free energy and energy per site, entropy, and how far to trust them, against β, or against a transverse field.

    The last panel has the effective sample size and, in nats, the gap between bound and importance sampling,
    β(F_q − F) = KL(q‖p).

    Raises:
        ValueError: ``run`` is no run, or without a finished β.
    """
    from matplotlib.figure import Figure

    if not isinstance(run, Run):
        raise ValueError(f"run must be a Run, as graphar.anneal returns, got {type(run).__name__}")
    if not run.history:
        raise ValueError("run must have finished a beta, got none")
    figure = Figure(figsize=(13, 4), layout="constrained")
    energies, entropies, trust = figure.subplots(1, 3)
    beta = np.array([record.beta for record in run.history])

    def column(name: str) -> np.ndarray:
        return np.array([getattr(record, name) for record in run.history])

    quantum = all(record.transverse_field is not None for record in run.history)
    where = column("transverse_field").astype(float) if quantum else beta

    def line(axes: Any, values: np.ndarray, errors: np.ndarray, label: str, style: str) -> None:
        axes.errorbar(where, values / num_spins, errors / num_spins, label=label, fmt=style, markersize=4)

    importance, importance_error = -column("log_partition") / beta, column("log_partition_stderr") / beta
    line(energies, column("bound"), column("bound_stderr"), "F / N, variational bound", ".-")
    line(energies, importance, importance_error, "F / N, importance sampling", ".--")
    line(energies, column("energy"), column("energy_stderr"), "E / N", ".-")
    if quantum:
        line(energies, column("quantum_energy"), column("quantum_energy_stderr"), "⟨H⟩ / N", ".-")
    best = run.best_energy / num_spins
    energies.axhline(best, color="grey", lw=0.8, label=f"lowest E / N met: {best:.4f}")
    spread = max(abs(best), 1e-9)  # at small β, F diverges as −log 2 / β and would hide the rest
    lowest = min(best - 1.2 * spread, float(column("quantum_energy").min()) / num_spins if quantum else np.inf)
    energies.set_ylim(lowest, max(column("energy").max() / num_spins, best) + 0.2 * spread)
    line(entropies, column("entropy"), column("entropy_stderr"), "S / N, nats", ".-")
    entropies.axhline(np.log(2), color="grey", lw=0.8, label="log 2")
    entropies.set_ylim(bottom=0)

    trust.plot(where, column("ess") / column("num_samples"), ".-", label="ESS / samples")
    trust.set_ylim(0, 1.02)
    gap = trust.twinx()
    gap.plot(
        where, np.maximum(beta * (column("bound") - importance), 1e-6), ".-", color="C3", label="gap β(F_q − F), nats"
    )
    gap.set_yscale("log")
    for panel in (energies, entropies, trust):
        panel.set_xlabel("transverse field Γ" if quantum else "inverse temperature β")
        if quantum and where[0] > where[-1]:
            panel.invert_xaxis()
    handles = [*trust.get_lines(), *gap.get_lines()]
    trust.legend(handles, [handle.get_label() for handle in handles], loc="lower right", framealpha=0.8)
    energies.legend(frameon=False, fontsize=8)
    entropies.legend(frameon=False)
    return figure


def _places(frontier: Frontier) -> np.ndarray:
    """Two coordinates for every site: the graph's own, or a layout of networkx."""
    pos = frontier.graph.pos
    if pos is not None:
        place = pos.double().numpy()
        if place.shape[1] == 1:
            return np.concatenate([place, np.zeros_like(place)], axis=1)
        if place.shape[1] > 2:  # an oblique view of what is higher
            place = place[:, :2] + place[:, 2:].sum(axis=1, keepdims=True) * np.array([0.38, 0.23])
        return place
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(frontier.num_spins))
    sites = frontier.ordering.sites.numpy()
    graph.add_edges_from(sorted(zip(*(np.sort(sites[np.stack(_edges(frontier)[:2])], axis=0).tolist()), strict=True)))
    if frontier.num_spins <= 600:
        layout = nx.kamada_kawai_layout(graph) if nx.is_connected(graph) else nx.spring_layout(graph, seed=0)
    else:
        layout = nx.spring_layout(graph, seed=0, iterations=30)
    return np.array([layout[site] for site in range(frontier.num_spins)])


def _edges(frontier: Frontier) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranks at the ends of each edge, of a hypergraph those of its primal graph, and couplings, zero of the latter."""
    if isinstance(frontier.graph, IsingGraph):
        _, source, target = frontier.edges
        return source.numpy(), target.numpy(), frontier.arrival_weight.numpy()
    ptr, neighbour, _ = frontier.neighbours
    rank = np.repeat(np.arange(frontier.num_spins), np.diff(ptr))
    earlier = neighbour < rank
    return neighbour[earlier], rank[earlier], np.zeros(int(earlier.sum()))


def _subtree(parent: np.ndarray, rank: int) -> np.ndarray:
    """Component of a rank in the graph of later ones: its subtree in the elimination tree."""
    inside = np.zeros(parent.size, bool)
    inside[rank] = True
    for i in range(rank + 1, parent.size):
        inside[i] = parent[i] >= 0 and inside[parent[i]]
    return np.flatnonzero(inside)
