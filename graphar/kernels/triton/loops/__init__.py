"""Jitted functions: sweeps and gradients."""

__all__: list[str] = []
