"""The fused sweep for NVIDIA GPUs, in Triton; nothing here is imported before a model asks for it."""

__all__: list[str] = []
