"""Monte Carlo of spins on NVIDIA GPUs, in Triton; imported where a sampler runs there."""

__all__: list[str] = []
