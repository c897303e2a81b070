"""The loops themselves, njit alone; imported where they are used, so that numba loads on first use."""

__all__: list[str] = []
