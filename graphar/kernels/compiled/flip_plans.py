r"""Plans for log q of all configurations one flip away, for heads whose logits are linear in the spins drawn before.

    logit_j = c_j + Σ_i W_ji x_i,   W_ji = Σ_{l ∈ F(j)} w_jl J_il + w_jj J_ij   of heads that read messages

so turning x_i over changes logit_j by −2 W_ji x_i: one logistic function for each j that reads i.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from graphar.frontier import Frontier
from graphar.heads.base import LinearHead
from graphar.kernels.spins_read import spins_read

__all__ = ["FlipPlan", "ReadWeights", "plan_flips"]


class ReadWeights(NamedTuple):
    """Where the weights W by rank come from.

    Attributes:
        ptr, read: where each reader's entries start, and the ranks that it reads.
        by_message: whether pairs are messages, and not spins.
        pair_ptr, pair_target, pair_source: where each reader's pairs start; the spin that each message is at and the
            last arrival in it, or the spin that is read.
        arrival_ptr, arrival_source: where the arrivals at each rank start, and who sends them.
    """

    ptr: np.ndarray
    read: np.ndarray
    by_message: bool
    pair_ptr: np.ndarray
    pair_target: np.ndarray
    pair_source: np.ndarray
    arrival_ptr: np.ndarray
    arrival_source: np.ndarray


class FlipPlan(NamedTuple):
    """Entries of W by the spin that is read, in a kernel's order of rows.

    Attributes:
        weights: of entries by reader.
        ptr, reader: where the entries of each row start, and the rows of their readers.
        entry: their numbers by reader.
    """

    weights: ReadWeights
    ptr: np.ndarray
    reader: np.ndarray
    entry: np.ndarray


def plan_flips(frontier: Frontier, head: LinearHead, place: np.ndarray) -> FlipPlan:
    """For rows in the order ``place`` of the ranks."""
    n, pairs = frontier.num_spins, spins_read(frontier, head)
    if pairs is None:
        ptr, read = (part.numpy() for part in frontier.read_lists(head.reads))
        reader = np.repeat(np.arange(n), np.diff(ptr))
    else:
        by_reader = torch.argsort(pairs[0], stable=True)
        reader, read = pairs[:, by_reader].numpy()
        ptr = np.concatenate([[0], np.cumsum(np.bincount(reader, minlength=n))])
    pair_ptr, pair_source = (part.numpy() for part in frontier.read_lists(head.reads))
    by_message = not head.reads.spins
    weights = ReadWeights(
        ptr.astype(np.int64),
        read.astype(np.int32),
        by_message,
        pair_ptr,
        (frontier.pair_spin.numpy() if by_message else pair_source).astype(np.int32),
        pair_source.astype(np.int32),
        frontier.arrival_ptr.numpy(),
        frontier.arrival_source.numpy().astype(np.int32),
    )
    at = place[read]
    entry = np.argsort(at, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=n))]).astype(np.int64)
    return FlipPlan(weights, starts, place[reader[entry]].astype(np.int32), entry.astype(np.int32))
