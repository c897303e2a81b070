"""Training: variational objective, β schedules, annealing, checkpoints."""

from graphar.training.anneal import anneal
from graphar.training.checkpoint import load, save
from graphar.training.objective import VariationalStep, variational_step
from graphar.training.run import BetaRecord, Run
from graphar.training.schedules import geometric, linear

__all__ = ["BetaRecord", "Run", "VariationalStep", "anneal", "geometric", "linear", "load", "save", "variational_step"]
