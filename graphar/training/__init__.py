"""Training: variational objective, β schedules, annealing, checkpoints."""

from graphar.training import protocols
from graphar.training.anneal import anneal
from graphar.training.checkpoint import load, save
from graphar.training.fine_tune import fine_tune
from graphar.training.many_graphs import pretrain
from graphar.training.natural import NaturalGradient
from graphar.training.objective import VariationalStep, variational_step
from graphar.training.pretraining import Pretraining
from graphar.training.run import BetaRecord, Run
from graphar.training.schedules import geometric, linear
from graphar.training.settings import check_settings

__all__ = [
    "BetaRecord",
    "NaturalGradient",
    "Pretraining",
    "Run",
    "VariationalStep",
    "anneal",
    "check_settings",
    "fine_tune",
    "geometric",
    "linear",
    "load",
    "pretrain",
    "protocols",
    "save",
    "variational_step",
]
