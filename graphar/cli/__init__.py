"""The command line: ``graphar info | anneal | sample | convert | check``."""

from graphar.cli.main import main

__all__ = ["main"]
