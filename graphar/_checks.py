"""Argument checks shared by the whole library: each says the argument, the rule, and what it got."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["as_float_tensor", "as_tensor", "check_beta", "check_count", "check_positive", "check_spins"]


def as_tensor(value: Any, name: str) -> Tensor:
    """A tensor as it is, or a copy of what numpy reads (a copy, as torch refuses or warns of some arrays)."""
    if isinstance(value, Tensor):
        return value
    try:
        return torch.as_tensor(np.array(value, order="C"))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must hold real numbers, got {type(value).__name__}: {error}") from error


def as_float_tensor(value: Any, name: str, dtype: torch.dtype | None = None) -> Tensor:
    """Finite real numbers as a floating tensor (float64 unless they already are floating)."""
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype must be floating, got {dtype}")
    tensor = as_tensor(value, name)
    if tensor.is_complex() or tensor.layout != torch.strided:
        raise ValueError(f"{name} must be a dense array of real numbers, got {tensor.dtype}, {tensor.layout}")
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    if dtype is not None:
        tensor = tensor.to(dtype)
    bad = ~torch.isfinite(tensor)
    if bool(bad.any()):
        where = tuple(bad.nonzero()[0].tolist())
        raise ValueError(f"{name} must be finite, got {tensor[where].item()} at position {where}")
    return tensor


def check_beta(beta: Any) -> float:
    """Inverse temperature: a finite number, β ≥ 0."""
    try:
        value = float(beta)
    except (TypeError, ValueError) as error:
        raise ValueError(f"beta must be a number, got {beta!r}") from error
    if not np.isfinite(value) or value < 0:
        raise ValueError(f"beta must be finite and not negative, got {value}")
    return value


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """An integer of at least ``minimum`` (bools are refused, integral floats are not taken either)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def check_flag(value: Any, name: str) -> bool:
    """True or False, and nothing that is merely read as one."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_positive(value: Any, name: str) -> float:
    """A finite number above zero."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a positive number, got {value!r}") from error
    if not (number > 0 and np.isfinite(number)):
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return number


def check_spins(spins: Any, num_spins: int, name: str = "spins") -> Tensor:
    """Spins of shape ``(..., N)`` with entries −1 and +1 alone."""
    tensor = as_tensor(spins, name)
    if tensor.dim() == 0 or tensor.shape[-1] != num_spins:
        raise ValueError(f"{name} must have shape (..., {num_spins}), got {tuple(tensor.shape)}")
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise ValueError(f"{name} must be -1 and +1, got dtype {tensor.dtype}")
    if tensor.dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        raise ValueError(f"{name} must be -1 and +1, got the unsigned dtype {tensor.dtype} (0/1 is not read as spins)")
    if tensor.numel() and not bool((tensor.abs() == 1).all()):
        wrong = tensor[tensor.abs() != 1].flatten()[0].item()
        raise ValueError(f"{name} must be -1 and +1, got the entry {wrong}")
    return tensor
