"""Compiled loops over graphs: elimination trees, balls, minimum degree, separators."""

__all__: list[str] = []
