r"""Training of weights that many graphs share, to serve graphs that were never seen.

A step takes a PyG batch of graphs, of any sizes and couplings, and a β for each. Together they are one graph, the
disjoint union with couplings β_g J and fields β_g h, on which messages are passed once for all. With L = log q + βE of
a sample on one graph, the variational objective follows

.. math:: \sum_g \frac{1}{σ_g (n - 1)} \sum_b (L_{gb} - \bar L_g) \nabla \log q_g(x_b),

the mean over samples being the baseline of each graph and σ_g the standard deviation of L, so that graphs which are far
from solved do not drown the others. Maximum likelihood, the forward Kullback–Leibler divergence, follows
−Σ_g ∇ log q_g(x)/N_g on samples x that are given.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from graphar._support.checks import check_beta, check_count, check_positive
from graphar._support.files import naming, read_state, write_state
from graphar._support.interrupt import finish_step_first
from graphar._support.processes import Group, joined, naming_checkpoint
from graphar._support.schema import anything, like, one_of, record
from graphar._support.seeds import check_seed, choose_key, hash_key, make_generator
from graphar._support.segments import Segments
from graphar.hamiltonians import IsingGraph
from graphar.heads import Exact, MessagePassing, MessageWeights
from graphar.heads.message_passing import BoundMessagePassing
from graphar.heads.message_passing.rule import MessageRule
from graphar.kernels.compiled.threads import torch_alone
from graphar.models.autoregressive import Autoregressive
from graphar.ordering import Ordering, nested_dissection
from graphar.training.gradients import sum_gradients
from graphar.training.state import load_optimizer
from graphar.training.transfer.result import RESULT, Pretraining, PretrainingRecord

__all__ = ["disjoint_union", "exact_samples", "pretrain"]

FORMAT = "graphar pretraining 2"
CHECKPOINT = record(
    {"format": one_of(FORMAT), "result": RESULT, "rule": anything, "optimizer": anything, "generator": anything}
)  # the last three must be those of the rule that goes on
GOLDEN = (5**0.5 - 1) / 2
SHARE = 0.02  # of the learning rate that is left at the last step
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


def pretrain(
    dataset: Sequence[IsingGraph],
    head: MessagePassing | None = None,
    *,
    validation: Sequence[IsingGraph] | None = None,
    beta: tuple[float, float] = (0.3, 2.0),
    steps: int = 1000,
    graphs_per_step: int = 8,
    batch_size: int = 64,
    objective: str = "variational",
    samples: Sampler = exact_samples,
    ordering: Callable[[IsingGraph], Ordering] = nested_dissection,
    learning_rate: float = 5e-3,
    clip_norm: float | None = 1.0,
    gradient_decay: float = 0.8,
    evaluate_every: int = 50,
    patience: int | None = None,
    seed: int = 0,
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Pretraining:
    r"""Train the shared weights of message passing on many graphs at once.

    .. math:: \beta F_q = \langle \log q + \beta E \rangle_q \quad\text{or}\quad -\langle \log q \rangle_p

    Each step draws graphs from ``dataset`` and for each a β between the two given; the gradient of the first objective
    is divided by the spread of log q + βE on each graph. The learning rate falls linearly.
    Held-out graphs tell which weights are best, those returned. Ctrl-C ends the training after the step under way.

    Args:
        dataset: graphs, such as a :class:`graphar.InstanceDataset`.
        head: schedule and size of the network, ``MessagePassing(hidden=16, refresh="return")`` by default; with
            ``weights`` training goes on from these.
        validation: graphs held out, each at a β of its own, spread over the range; by default those of ``dataset``,
            which then tell of no others.
        beta: lowest and highest β.
        steps: optimisation steps.
        graphs_per_step: graphs in a step.
        batch_size: samples of each graph.
        objective: ``"variational"``, on the model's own samples, or ``"maximum_likelihood"``, on those of ``samples``.
        samples: from a graph, β, number and generator to Boltzmann samples; by elimination by default.
        ordering: the order of a graph's sites.
        learning_rate: of Adam at the first step.
        clip_norm: largest norm of the whole gradient.
        gradient_decay: part of the gradient by messages that goes back from each spin drawn to the ones before, 0 …
            1. At low temperature messages are so sensitive to those long before that the whole gradient, at 1, is
            noise.
        evaluate_every: steps between evaluations on held-out graphs.
        patience: evaluations without a lower free energy after which training stops early; never by default.
        seed: of the first weights, graphs, β and samples.
        checkpoint: file written after each evaluation, and when interrupted.
        resume: checkpoint to go on from; the result is the same as without the interruption.
        progress: whether to show a progress bar.

    Returns:
        The best weights, the head that has them, and how training went.

    Raises:
        ValueError: an argument breaks its rule, or the objective stops being finite.

    >>> import graphar as ga
    >>> graphs = ga.InstanceDataset("random_regular", sizes=(8, 10), num_graphs=4, degree=3, couplings="pm1")
    >>> result = pretrain(graphs, ga.heads.MessagePassing(radius=2, hidden=4), steps=2, progress=False)
    >>> ga.Autoregressive(ga.grid((3, 3)), result.head).num_parameters
    80
    """
    head = MessagePassing(hidden=16, refresh="return") if head is None else head
    _check(dataset, validation, head, objective)
    ends = tuple(beta) if isinstance(beta, Iterable) else ()
    if len(ends) != 2 or not 0 < check_beta(ends[0]) <= check_beta(ends[1]):
        raise ValueError(f"beta must be two rising positive numbers, got {beta}")
    low, high = (check_beta(value) for value in ends)
    if not isinstance(gradient_decay, (int, float)) or not 0 <= gradient_decay <= 1:
        raise ValueError(f"gradient_decay must be in 0 … 1, got {gradient_decay!r}")
    settings = {
        "head": head.settings(),
        "beta": [low, high],
        "steps": check_count(steps, "steps"),
        "graphs_per_step": check_count(graphs_per_step, "graphs_per_step"),
        "batch_size": check_count(batch_size, "batch_size", 2),
        "objective": objective,
        "learning_rate": check_positive(learning_rate, "learning_rate"),
        "clip_norm": None if clip_norm is None else check_positive(clip_norm, "clip_norm"),
        "gradient_decay": float(gradient_decay),
        "evaluate_every": check_count(evaluate_every, "evaluate_every"),
        "patience": None if patience is None else check_count(patience, "patience"),
        "seed": check_seed(seed),
        "num_graphs": len(dataset),
        "graphs": _digest([dataset, dataset if validation is None else validation], head, ordering),
    }
    generator = make_generator(seed, None, "pretraining")
    rule = MessageRule(head.hidden, generator, torch.float32)
    rule.gradient_decay = float(gradient_decay)
    if isinstance(head.weights, MessageWeights):
        rule.load_state_dict(head.weights.tensors)
    optimizer = torch.optim.Adam(rule.parameters(), lr=float(learning_rate))
    held_out = _HeldOut(dataset if validation is None else validation, low, high, head, ordering, batch_size, seed)
    choices = torch.randint(len(dataset), (steps, graphs_per_step), generator=generator)
    result, group = Pretraining(head, settings), joined()
    group.agree(**settings)
    if resume is not None:
        _read(resume, result, rule, optimizer, generator)
    else:
        result.update_best(held_out.score(rule, 0), rule)
    # a generator of its own, as the loader draws from torch's default one even where it shuffles nothing
    batches = iter(DataLoader(dataset, batch_sampler=choices[result.step :].tolist(), generator=torch.Generator()))
    show = progress and group.first
    with naming_checkpoint(checkpoint), finish_step_first() as stop, _bar(steps, result.step, show) as bar:
        while result.step < steps and not stop.requested and not result.stopped_early:
            started = time.perf_counter()
            batch = next(batches)
            betas = low + (high - low) * torch.rand(graphs_per_step, generator=generator)
            for options in optimizer.param_groups:
                options["lr"] = learning_rate * max(1 - result.step / steps, SHARE)
            optimizer.zero_grad()
            if objective == "variational":
                _variational(batch, betas, rule, head, ordering, batch_size, generator, group)
            else:
                _likelihood(batch, betas, rule, head, ordering, batch_size, generator, samples, group)
            stop.requested = sum_gradients(group, list(rule.parameters()), stop.requested)
            norm = float(nn.utils.clip_grad_norm_(rule.parameters(), math.inf if clip_norm is None else clip_norm))
            if not math.isfinite(norm):
                raise ValueError(f"the objective must stay finite, got a gradient of {norm} at step {result.step}")
            optimizer.step()
            result.step += 1
            result.seconds += time.perf_counter() - started
            bar.update()
            if result.step % evaluate_every == 0 or result.step == steps:
                result.update_best(held_out.score(rule, result.step), rule)
                bar.set_postfix_str(f"βF/N {result.history[-1].bound:.5f}  best {result.best:.5f}", refresh=False)
                if checkpoint is not None and group.first:
                    _write(checkpoint, result, rule, optimizer, generator)
    result.interrupted = stop.requested and result.step < steps
    if result.interrupted and checkpoint is not None and group.first:
        _write(checkpoint, result, rule, optimizer, generator)
    return result


def _model(
    batch: Batch, betas: Tensor, rule: MessageRule, head: MessagePassing, ordering: Callable[[IsingGraph], Ordering]
) -> Autoregressive:
    model = Autoregressive(disjoint_union(batch, betas), head, ordering)
    assert isinstance(model.head, BoundMessagePassing)
    model.head.rule = rule
    return model


def _by_graph(model: Autoregressive, spins: Tensor, batch: Batch) -> Tensor:
    """log q of each graph, (samples, graphs); differentiable."""
    of_site = nn.functional.logsigmoid(spins * model.at(1.0).logits(spins)).double()
    return Segments(batch.batch, batch.num_graphs).sum(of_site.T).T


def _variational(
    batch: Batch, betas: Tensor, rule: MessageRule, head: MessagePassing, ordering: Any, count: int, generator: Any,
    group: Group,
) -> None:  # fmt: skip
    model, own = _model(batch, betas, rule, head, ordering), group.share(count)
    key, loss = choose_key(None, generator, "samples"), torch.zeros(0, batch.num_graphs, dtype=torch.float64)
    if own:
        q = model.at(1.0)
        spins = torch.cat([part.spins for part in q.draw(len(own), key, first=own.start)]).to(q.model.dtype)
        log_q = _by_graph(model, spins, batch)
        loss = log_q.detach() + betas * batch.energy(spins)
    loss = group.gather_rows(loss, count)
    centred = loss - loss.mean(0)
    scale = centred.std(0).clamp(min=1e-6) * (count - 1)
    if own:
        ((centred / scale)[own.start : own.stop] * log_q).sum().backward()


def _likelihood(
    batch: Batch, betas: Tensor, rule: MessageRule, head: MessagePassing, ordering: Any, count: int, generator: Any,
    samples: Sampler, group: Group,
) -> None:  # fmt: skip
    graphs = zip(batch.to_data_list(), betas.tolist(), strict=True)
    spins = torch.cat([samples(graph, beta, count, generator).float() for graph, beta in graphs], dim=1)
    own = group.share(count)
    if own:
        log_q = _by_graph(_model(batch, betas, rule, head, ordering), spins[own.start : own.stop], batch)
        share = len(own) / count
        (-(log_q.mean(0) / batch.ptr.diff()).sum() * share).backward()


class _HeldOut:
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
            loss = _by_graph(self.model, spins, self.batch) + self.betas * self.batch.energy(spins)
        loss = self.group.gather_rows(loss, self.count)
        with torch_alone():  # the order of long sums is that of one thread, whatever their number
            per_site = loss / self.batch.ptr.diff()
            error = per_site.mean(1).std() / math.sqrt(self.count)
            return PretrainingRecord(step, float(per_site.mean()), float(error))


def _check(dataset: Any, validation: Any, head: Any, objective: str) -> None:
    if not isinstance(head, MessagePassing) or not head.hidden or head.linear:
        raise ValueError(f"head must be MessagePassing with hidden units and no linear part, got {head!r}")
    if objective not in ("variational", "maximum_likelihood"):
        raise ValueError(f'objective must be "variational" or "maximum_likelihood", got {objective!r}')
    for name, graphs in (("dataset", dataset), ("validation", validation)):
        if graphs is None and name == "validation":
            continue
        if not hasattr(graphs, "__len__") or not len(graphs):
            raise ValueError(f"{name} must hold at least one IsingGraph, got {graphs!r}")
        for k in range(len(graphs)):
            if not isinstance(graphs[k], IsingGraph):
                raise ValueError(f"{name} must hold IsingGraphs alone, got {type(graphs[k]).__name__} at {k}")


def _digest(sets: list[Any], head: MessagePassing, ordering: Any) -> str:
    """What tells one problem from another: graphs, first weights and order."""
    found = hashlib.sha256(getattr(ordering, "__name__", repr(ordering)).encode())
    tensors = list(head.weights.tensors.values()) if isinstance(head.weights, MessageWeights) else []
    for graphs in sets:
        for k in range(len(graphs)):
            tensors += [graphs[k].edge_index, graphs[k].edge_weight, graphs[k].h]
    for tensor in tensors:
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def _write(
    path: str | PathLike[str], result: Pretraining, rule: MessageRule, optimizer: Any, generator: torch.Generator
) -> None:
    state = {
        "format": FORMAT,
        "result": result.state(),
        "rule": dict(rule.state_dict()),
        "optimizer": optimizer.state_dict(),
        "generator": generator.get_state(),
    }
    write_state(path, state)


def _read(
    path: str | PathLike[str], result: Pretraining, rule: MessageRule, optimizer: Any, generator: torch.Generator
) -> None:
    state = read_state(path, FORMAT, CHECKPOINT)
    with naming(Path(path)):
        then = state["result"]["settings"]
        if then != result.settings:
            changed = [name for name in result.settings if result.settings[name] != then.get(name)]
            raise ValueError(f"resume needs the settings of the run, which differ in {', '.join(changed)}")
        tensors = like(dict(rule.state_dict()))
        tensors(state["rule"], "rule")
        tensors(state["result"]["best_tensors"], "result.best_tensors")
        result.check_course(state["result"])
        like(generator.get_state())(state["generator"], "generator")
        try:
            generator.set_state(state["generator"])
        except RuntimeError as error:
            raise ValueError(f"generator must be the state of a torch generator, got another ({error})") from error
        load_optimizer(optimizer, state["optimizer"], state["result"]["step"])
    rule.load_state_dict(state["rule"])
    result.restore(state["result"])


def _bar(total: int, done: int, show: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, disable=not show, unit="step", desc="pretraining", dynamic_ncols=True)
