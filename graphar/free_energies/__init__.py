"""One front door for log Z: exact where that fits, else tempering and models side by side."""

from graphar.free_energies.front_door import log_partition
from graphar.free_energies.result import LogPartition, Opinion

__all__ = ["LogPartition", "Opinion", "log_partition"]
