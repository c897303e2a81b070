"""Many tasks, each done once, wherever they run; and one table of what they found."""

from graphar.sweeps.executors import ExecutorError
from graphar.sweeps.folders import StorageError
from graphar.sweeps.run import Sweep, sweep
from graphar.sweeps.table import collect

__all__ = ["ExecutorError", "StorageError", "Sweep", "collect", "sweep"]
