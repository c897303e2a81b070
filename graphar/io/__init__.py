"""Hamiltonians in files: one reader and one writer per format, each with its convention stated."""

from graphar.io.registry import FORMATS, Format, examine, read, write

__all__ = ["FORMATS", "Format", "examine", "read", "write"]
