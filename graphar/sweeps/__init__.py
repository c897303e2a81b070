"""Many tasks, each done once, wherever they run; and one table of what they found."""

from graphar.sweeps.collect import collect
from graphar.sweeps.folders import StorageError
from graphar.sweeps.run import Sweep, sweep

__all__ = ["StorageError", "Sweep", "collect", "sweep"]
