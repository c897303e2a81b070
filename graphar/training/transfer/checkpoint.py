"""Files of a pretraining, and what tells one from another."""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from graphar._support.files import naming, read_state, write_state
from graphar._support.schema import anything, like, one_of, record
from graphar.heads import MessagePassing, MessageWeights
from graphar.heads.message_passing.rule import MessageRule
from graphar.training.state import load_optimizer
from graphar.training.transfer.result import RESULT, Pretraining

__all__ = ["digest", "read", "write"]

FORMAT = "graphar pretraining 2"
CHECKPOINT = record(
    {"format": one_of(FORMAT), "result": RESULT, "rule": anything, "optimizer": anything, "generator": anything}
)  # the last three must be those of the rule that goes on


def digest(sets: list[Any], head: MessagePassing, ordering: Any) -> str:
    """What tells one problem from another: graphs, first weights and order."""
    found = hashlib.sha256(getattr(ordering, "__name__", repr(ordering)).encode())
    tensors = list(head.weights.tensors.values()) if isinstance(head.weights, MessageWeights) else []
    for graphs in sets:
        for k in range(len(graphs)):
            tensors += [graphs[k].edge_index, graphs[k].edge_weight, graphs[k].h]
    for tensor in tensors:
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def write(
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


def read(
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
