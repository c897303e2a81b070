"""Whether energies, and β times them, stay within float64, in which the exact methods add them up."""

from __future__ import annotations

import math

from graphar.hamiltonians import IsingGraph, SpinHypergraph

__all__ = ["LARGEST", "check_largest", "check_scale", "finite", "free_energy", "scale"]

LARGEST = 1e290  # leaves room for sums over 2^24 configurations, and for differences of differences


def scale(graph: IsingGraph | SpinHypergraph) -> float:
    """Σ|J| + Σ|h|, the offset left out: no energy is further from it."""
    if isinstance(graph, IsingGraph):
        couplings = graph.edge_weight.detach().double().abs().sum().item() / 2
    else:
        couplings = graph.hyperedge_weight.detach().double().abs().sum().item()
    return couplings + graph.h.detach().double().abs().sum().item()


def check_scale(graph: IsingGraph | SpinHypergraph, beta: float) -> float:
    """Σ|J| + Σ|h|; a ValueError where it, |offset| or β times one of them is beyond ``LARGEST``."""
    total = scale(graph)
    check_largest(max(total, abs(graph.offset.item())), beta, "graph", "Σ|J| + Σ|h|, and |offset|,")
    return total


def check_largest(value: float, beta: float, argument: str, what: str) -> None:
    """A ValueError where a number that energies reach, or β times it, is beyond ``LARGEST``."""
    if not value <= LARGEST:
        raise ValueError(f"{argument} must have {what} of at most {LARGEST:g}, got {value:.3g}: energies overflow")
    if not beta * value <= LARGEST:
        raise ValueError(
            f"beta must leave β times {what} at most {LARGEST:g}, got beta={beta:.3g} times {value:.3g}: an overflow"
        )


def finite(value: float, name: str) -> float:
    """The number; a ValueError where it is beyond float64."""
    if not math.isfinite(value):
        raise ValueError(f"{name} must be below 1.8e308 to be a number, got an overflow")
    return value


def free_energy(log_partition: float, beta: float) -> float:
    """F = −log Z / β; a ValueError at β = 0, where it diverges, and where it is beyond float64."""
    if beta == 0:
        raise ValueError("free_energy needs beta > 0, got 0; log_partition is finite there")
    return finite(-log_partition / beta, "free_energy")
