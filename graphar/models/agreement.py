"""That all processes of a run hold the same model."""

from __future__ import annotations

from typing import Any

from graphar._support.group import Group
from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["agree_on_graph", "agree_on_model"]


def agree_on_graph(group: Group, graph: IsingGraph | SpinHypergraph, **given: Any) -> None:
    """That every process was given this Hamiltonian, and the same of all else.

    Raises:
        ValueError: what differs, and on which process.
    """
    if group.world > 1:
        group.agree(graph=_of_graph(graph), **given)


def agree_on_model(group: Group, model: Any, **given: Any) -> None:
    """That every process was given this model, in structure and weights, and the same of all else.

    Raises:
        ValueError: what differs, and on which process.
    """
    if group.world == 1:
        return
    head = model.head_config
    group.agree(
        graph=_of_graph(model.graph),
        ordering=model.ordering.sites,
        head=[type(head).__name__, head.settings()],
        frontier=model.frontier.kind,
        radius=model.frontier.radius,
        exact_width=model.exact_width,
        dtype=str(model.dtype),
        weights=dict(model.state_dict()),
        frozen=[name for name, parameter in model.named_parameters() if not parameter.requires_grad],
        **given,
    )


def _of_graph(graph: IsingGraph | SpinHypergraph) -> list[Any]:
    index = graph.hyperedge_index if isinstance(graph, SpinHypergraph) else list(graph.undirected()[:2])
    return [index, graph.couplings, graph.h, float(graph.offset)]
