"""What many graphs at once say of shared weights: gradients of a step, and the free energy of graphs held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from graphar._support.group import Group
from graphar._support.processes import joined
from graphar._support.seeds import choose_key, hash_key
from graphar._support.segments import Segments
from graphar.hamiltonians import IsingGraph
from graphar.heads import Exact, MessagePassing
from graphar.heads.message_passing import BoundMessagePassing
from graphar.heads.message_passing.rule import MessageRule
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering, nested_dissection
from graphar.training.transfer.result import PretrainingRecord

__all__ = ["HeldOut", "Sampler", "by_graph", "disjoint_union", "exact_samples", "likelihood", "variational"]

GOLDEN = (5**0.5 - 1) / 2
Sampler = Callable[[IsingGraph, float, int, torch.Generator], Tensor]


def disjoint_union(batch: Batch, betas: Tensor) -> IsingGraph:
    """The graphs of a batch as one, with couplings βJ and fields βh, so that its own β is 1.

    >>> import graphar as ga
    >>> batch = Batch.from_data_list([ga.chain(3, couplings="ferromagnet"), ga.chain(2, couplings="ferromagnet")])
    >>> disjoint_union(batch, torch.tensor([0.5, 2.0])).edge_weight.tolist()
    [0.5, 0.5, 0.5, 0.5, 2.0, 2.0]
    """
    first, second = batch.edge_index
    once = first < second
    of_spin = betas.double()[batch.batch]
    weights = batch.edge_weight[once].double() * of_spin[first[once]]
    return IsingGraph.from_edges(batch.edge_index[:, once], weights, batch.h.double() * of_spin, len(batch.batch))


def exact_samples(graph: IsingGraph, beta: float, count: int, generator: torch.Generator) -> Tensor:
    """Samples of the Boltzmann distribution by elimination, for maximum likelihood on narrow graphs."""
    return Autoregressive(graph, Exact, nested_dissection).at(beta).sample(count, generator=generator)


def _model(
    batch: Batch, betas: Tensor, rule: MessageRule, head: MessagePassing, ordering: Callable[[IsingGraph], Ordering]
) -> Autoregressive:
    model = Autoregressive(disjoint_union(batch, betas), head, ordering)
    assert isinstance(model.head, BoundMessagePassing)
    model.head.rule = rule
    return model


def by_graph(model: Autoregressive, spins: Tensor, batch: Batch) -> Tensor:
    """log q of each graph, (samples, graphs); differentiable."""
    of_site = nn.functional.logsigmoid(spins * model.at(1.0).logits(spins)).double()
    return Segments(batch.batch, batch.num_graphs).sum(of_site.T).T


def variational(
    batch: Batch, betas: Tensor, rule: MessageRule, head: MessagePassing, ordering: Any, count: int, generator: Any,
    group: Group,
) -> None:  # fmt: skip
    model, own = _model(batch, betas, rule, head, ordering), group.share(count)
    key, loss = choose_key(None, generator, "samples"), torch.zeros(0, batch.num_graphs, dtype=torch.float64)
    if own:
        q = model.at(1.0)
        spins = torch.cat([part.spins for part in q.draw(len(own), key, first=own.start)]).to(q.model.dtype)
        log_q = by_graph(model, spins, batch)
        loss = log_q.detach() + betas * batch.energy(spins)
    loss = group.gather_rows(loss, count)
    centred = loss - loss.mean(0)
    scale = centred.std(0).clamp(min=1e-6) * (count - 1)
    if own:
        ((centred / scale)[own.start : own.stop] * log_q).sum().backward()


def likelihood(
    batch: Batch, betas: Tensor, rule: MessageRule, head: MessagePassing, ordering: Any, count: int, generator: Any,
    samples: Sampler, group: Group,
) -> None:  # fmt: skip
    graphs = zip(batch.to_data_list(), betas.tolist(), strict=True)
    spins = torch.cat([samples(graph, beta, count, generator).float() for graph, beta in graphs], dim=1)
    own = group.share(count)
    if own:
        log_q = by_graph(_model(batch, betas, rule, head, ordering), spins[own.start : own.stop], batch)
        share = len(own) / count
        (-(log_q.mean(0) / batch.ptr.diff()).sum() * share).backward()


class HeldOut:
    """Held-out graphs at fixed β, whose free energy on the same random bits says how good weights are."""

    def __init__(
        self, graphs: Sequence[IsingGraph], low: float, high: float, head: MessagePassing, ordering: Any, count: int,
        seed: int,
    ) -> None:  # fmt: skip
        self.batch = Batch.from_data_list([graphs[k] for k in range(len(graphs))])
        # multiples of the golden ratio: neighbours in the data set, of one kind, are spread over the whole range
        self.betas = low + (high - low) * (GOLDEN * (torch.arange(len(graphs)) + 1) % 1)
        self.model = Autoregressive(disjoint_union(self.batch, self.betas), head, ordering)
        self.count, self.key, self.group = count, hash_key(seed, "held-out graphs"), joined()

    @torch.no_grad()
    def score(self, rule: MessageRule, step: int) -> PretrainingRecord:
        """Mean over graphs of βF_q/N."""
        assert isinstance(self.model.head, BoundMessagePassing)
        self.model.head.rule = rule
        own, loss = self.group.share(self.count), torch.zeros(0, self.batch.num_graphs, dtype=torch.float64)
        if own:
            drawn = self.model.at(1.0).draw(len(own), self.key, first=own.start)
            spins = torch.cat([part.spins for part in drawn])
            loss = by_graph(self.model, spins, self.batch) + self.betas * self.batch.energy(spins)
        loss = self.group.gather_rows(loss, self.count)
        with torch_alone():  # the order of long sums is that of one thread, whatever their number
            per_site = loss / self.batch.ptr.diff()
            error = per_site.mean(1).std() / math.sqrt(self.count)
            return PretrainingRecord(step, float(per_site.mean()), float(error))
