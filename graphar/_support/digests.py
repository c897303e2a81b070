"""64 bits that tell one value from another, the same in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["digest"]


def digest(value: Any) -> int:
    """64 bits of tensors, arrays, numbers and strings, and of lists and dictionaries of them."""
    found = hashlib.blake2b(digest_size=8)
    _feed(found, value)
    return int.from_bytes(found.digest(), "little", signed=True)


def _feed(found: Any, value: Any) -> None:
    if isinstance(value, Tensor):
        found.update(f"{value.dtype}{tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, np.ndarray):  # whose repr leaves out the middle
        found.update(f"{value.dtype}{value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Mapping):
        found.update(f"{{{len(value)}".encode())
        for name in sorted(value):
            _feed(found, name)
            _feed(found, value[name])
    elif isinstance(value, list | tuple):
        found.update(f"[{len(value)}".encode())
        for each in value:
            _feed(found, each)
    else:
        found.update(f"{value!r};".encode())
