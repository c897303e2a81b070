"""Compiled loops of the search; imported where they are used, so that numba loads on first use."""

__all__: list[str] = []
