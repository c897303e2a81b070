"""Hamiltonians in files: one reader and one writer per format, each with its convention stated."""

from graphar.io.registry import FORMATS, Format, examine, read, write
from graphar.io.samples import SpinSamples, load_samples, save_samples

__all__ = ["FORMATS", "Format", "SpinSamples", "examine", "load_samples", "read", "save_samples", "write"]
