"""Kernels compiled for the CPU."""

__all__: list[str] = []
