"""Argument checks shared by the whole library: each says the argument, the rule, and what it got."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "as_float_tensor",
    "as_tensor",
    "check_beta",
    "check_count",
    "check_dtype",
    "check_least_zero",
    "check_number",
    "check_positive",
    "check_spins",
]

_FLOATS = (torch.float32, torch.float64)


def as_tensor(value: Any, name: str) -> Tensor:
    """A tensor as it is, or a copy of what numpy reads (a copy, as torch refuses or warns of some arrays)."""
    if isinstance(value, Tensor):
        if value.is_meta:
            raise ValueError(f"{name} must hold real numbers, got a tensor on the meta device, which holds none")
        return value
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must hold real numbers, got an array with masked entries")
    try:
        array = np.array(value, order="C")
        return torch.as_tensor(array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must hold real numbers, got {type(value).__name__}: {error}") from error


def as_float_tensor(value: Any, name: str, dtype: torch.dtype | None = None) -> Tensor:
    """Finite real numbers as float32 or float64 (float64 unless they already are floating)."""
    if dtype is not None:
        check_dtype(dtype)
    tensor = as_tensor(value, name)
    if tensor.is_complex() or tensor.layout != torch.strided:
        raise ValueError(f"{name} must be a dense array of real numbers, got {tensor.dtype}, {tensor.layout}")
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    if dtype is not None:
        tensor = tensor.to(dtype)
    if tensor.dtype not in _FLOATS:
        raise ValueError(f"{name} must be float32 or float64, got {str(tensor.dtype).removeprefix('torch.')}")
    bad = ~torch.isfinite(tensor)
    if bool(bad.any()):
        where = tuple(bad.nonzero()[0].tolist())
        raise ValueError(f"{name} must be finite, got {tensor[where].item()} at position {where}")
    return tensor


def check_dtype(dtype: Any) -> torch.dtype:
    """One of the two floating types that all methods know: halves have no sparse products, and too few digits."""
    if not isinstance(dtype, torch.dtype) or dtype not in _FLOATS:
        raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
    return dtype


def check_beta(beta: Any) -> float:
    """Inverse temperature: a finite number, β ≥ 0."""
    return check_least_zero(beta, "beta")


def check_least_zero(value: Any, name: str) -> float:
    """A finite number, not below zero."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, got {value!r}") from error
    if not np.isfinite(number) or number < 0:
        raise ValueError(f"{name} must be finite and not negative, got {number}")
    return number


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """An integer of at least ``minimum`` (bools are refused, integral floats are not taken either)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def check_number(value: Any, name: str) -> float:
    """One finite real number."""
    number = as_float_tensor(value, name, torch.float64)
    if number.numel() != 1:
        raise ValueError(f"{name} must be one number, got shape {tuple(number.shape)}")
    return float(number)


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
    if tensor.layout != torch.strided:
        raise ValueError(f"{name} must be a dense array of -1 and +1, got {tensor.layout}")
    if tensor.is_complex() or tensor.dtype == torch.bool or "float8" in str(tensor.dtype):
        raise ValueError(f"{name} must be -1 and +1, got dtype {tensor.dtype}")
    if tensor.dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        raise ValueError(f"{name} must be -1 and +1, got the unsigned dtype {tensor.dtype} (0/1 is not read as spins)")
    if tensor.numel() and not bool((tensor.abs() == 1).all()):
        wrong = tensor[tensor.abs() != 1].flatten()[0].item()
        raise ValueError(f"{name} must be -1 and +1, got the entry {wrong}")
    return tensor
