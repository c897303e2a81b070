"""Samples in files: ``.npz`` archives with spins as bits, log q, β and the fingerprint of their Hamiltonian.

====================  ==========================================================================================
``format``            ``graphar samples 1``, bytes
``shape``             shape of the spins, N last, int64
``spins``             one row per configuration, uint8 of shape (configurations, ⌈N/8⌉): bit 1 is +1 and 0 is −1, the
                      first site the highest bit of the first byte, as by ``numpy.packbits``; bits beyond N are 0
``graph``             fingerprint of the Hamiltonian, 32 hexadecimal digits, bytes
``beta``              β, float64; NaN where it is not known
``log_prob``          log q in nats, float64, of the spins' shape without N; one NaN where it is not known
====================  ==========================================================================================

``numpy.load`` reads them too. Files are whole or not there; nothing is unpickled.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import as_tensor, check_beta, check_spins
from graphar._support.files import atomic_write, naming
from graphar.hamiltonians.fingerprint import fingerprint
from graphar.hamiltonians.hypergraph import SpinHypergraph
from graphar.hamiltonians.ising import IsingGraph
from graphar.hamiltonians.kinds import check_hamiltonian
from graphar.io._arrays import Arrays, open_arrays
from graphar.io._files import as_path, plainly
from graphar.io.site_names import shown

__all__ = ["SpinSamples", "load_samples", "save_samples"]

_FORMAT = b"graphar samples 1"
_NAMES = {"format", "shape", "spins", "graph", "beta", "log_prob"}


@dataclass(frozen=True, eq=False)
class SpinSamples:
    """Samples from a file; made by :func:`load_samples`.

    Attributes:
        spins: ±1, int8, shape (..., N).
        beta: their inverse temperature β, None where it was not given.
        log_prob: log q in nats, float64, shape (...), None where it was not given.
        fingerprint: of their Hamiltonian.
    """

    spins: Tensor
    beta: float | None
    log_prob: Tensor | None
    fingerprint: str

    def __repr__(self) -> str:
        beta = "" if self.beta is None else f", beta={self.beta:g}"
        return f"SpinSamples({tuple(self.spins.shape)}{beta}{'' if self.log_prob is None else ', with log q'})"


def save_samples(
    spins: Any,
    path: str | os.PathLike[str],
    graph: IsingGraph | SpinHypergraph,
    *,
    beta: float | None = None,
    log_prob: Any = None,
) -> None:
    """Write samples to a ``.npz`` file, N/8 bytes each, and 8 more with log q.

    Args:
        spins: ±1, shape (..., N).
        path: the file, replaced if there is one.
        graph: their Hamiltonian, of which a fingerprint is kept.
        beta: their inverse temperature β.
        log_prob: log q of each in nats, shape (...); −∞ is one.

    Raises:
        ValueError: spins that are not ±1 of shape (..., N), log q of another shape or NaN, or no path to a file.

    >>> import graphar, tempfile
    >>> graph = graphar.chain(9, seed=0)
    >>> x, log_q = graphar.Autoregressive(graph).at(0.5).sample_with_log_prob(100, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_samples(x, f"{folder}/x.npz", graph, beta=0.5, log_prob=log_q.detach())
    ...     load_samples(f"{folder}/x.npz", graph)
    SpinSamples((100, 9), beta=0.5, with log q)
    """
    check_hamiltonian(graph, alone=True)
    x = check_spins(spins, graph.num_spins).detach().cpu()
    arrays: dict[str, Any] = {
        "format": _FORMAT,
        "shape": np.array(x.shape, np.int64),
        "spins": np.packbits((x.reshape(-1, graph.num_spins) > 0).numpy(), axis=1),
        "graph": fingerprint(graph).encode(),
        "beta": math.nan if beta is None else check_beta(beta),
        "log_prob": math.nan,
    }
    if log_prob is not None:
        logs = as_tensor(log_prob, "log_prob").detach().cpu().double()
        if logs.shape != x.shape[:-1]:
            raise ValueError(f"log_prob must have shape {tuple(x.shape[:-1])}, got {tuple(logs.shape)}")
        arrays["log_prob"] = _check_log_prob(logs.numpy())
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # bits of spins do not compress
    place = as_path(path)
    with plainly(place), atomic_write(place) as file:
        file.write(buffer.getvalue())


def load_samples(path: str | os.PathLike[str], graph: IsingGraph | SpinHypergraph | None = None) -> SpinSamples:
    """Read samples that :func:`save_samples` wrote.

    Args:
        path: the file.
        graph: their Hamiltonian, if it is to be compared with the file's.

    Raises:
        ValueError: a file that is no such one, or damaged, or of another Hamiltonian than ``graph``.
    """
    place = as_path(path)
    with plainly(place), naming(place):
        with open_arrays(place, "graphar.save_samples") as arrays:
            found = _checked(arrays)
        if graph is not None and found.fingerprint != fingerprint(check_hamiltonian(graph, alone=True)):
            raise ValueError(f"samples of graph expected, {graph!r}, got those of another Hamiltonian")
        return found


def _checked(arrays: Arrays) -> SpinSamples:
    form = arrays.load("format", "S", ()).item()
    if form != _FORMAT:
        raise ValueError(f"format must be {_FORMAT!r}, got {shown(form)}")
    if set(arrays.members) != _NAMES:
        raise ValueError(f"arrays must be {sorted(_NAMES)}, got {shown(sorted(arrays.members))}")
    shape = tuple(int(size) for size in arrays.load("shape", "i", None).reshape(-1))
    if arrays.shapes["shape"] != (len(shape),) or not 1 <= len(shape) <= 8 or min(shape) < 0 or shape[-1] < 1:
        raise ValueError(f"shape must be that of spins, one to eight numbers with N > 0 last, got {shown(shape)}")
    count, n = math.prod(shape[:-1]), shape[-1]
    packed = arrays.load("spins", "u", (count, (n + 7) // 8))
    if packed.dtype != np.uint8:
        raise ValueError(f"spins must be uint8, got {packed.dtype}")
    bits = np.unpackbits(packed, axis=1)
    if bits[:, n:].any():
        raise ValueError(f"spins must have bits of 0 beyond the {n} sites, got others")
    spins = torch.from_numpy(bits[:, :n].astype(np.int8) * 2 - 1).reshape(shape)
    name = arrays.load("graph", "S", ()).item().decode("ascii", "replace")
    if len(name) != 32 or set(name) - set("0123456789abcdef"):
        raise ValueError(f"graph must be 32 hexadecimal digits, got {shown(name)}")
    beta = arrays.load("beta", "f", ()).item()
    logs = arrays.load("log_prob", "f", None)
    log_prob = None
    if logs.shape != () or not math.isnan(logs.item()):
        if logs.shape != shape[:-1]:
            raise ValueError(f"log_prob must have the shape {shape[:-1]}, got {shown(logs.shape)}")
        log_prob = torch.from_numpy(_check_log_prob(logs.astype(np.float64)))
    return SpinSamples(spins, None if math.isnan(beta) else check_beta(beta), log_prob, name)


def _check_log_prob(values: np.ndarray) -> np.ndarray:
    if np.isnan(values).any() or (values == math.inf).any():
        raise ValueError("log_prob must be numbers or -inf, got NaN or inf")
    return values
