"""Kernels in torch and PyG message passing, on any device: the definition of truth."""

__all__: list[str] = []
