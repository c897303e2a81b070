"""Compiled loops over graphs: elimination trees, balls, minimum degree, separators."""
