"""Training: variational objective, β schedules, annealing, checkpoints."""

from graphar.training.anneal import anneal
from graphar.training.checkpoint import load, save
from graphar.training.natural import NaturalGradient
from graphar.training.objective import VariationalStep, variational_step
from graphar.training.run import BetaRecord, Run
from graphar.training.schedules import geometric, linear
from graphar.training.settings import check_settings

__all__ = [
    "BetaRecord",
    "NaturalGradient",
    "Run",
    "VariationalStep",
    "anneal",
    "check_settings",
    "geometric",
    "linear",
    "load",
    "save",
    "variational_step",
]
