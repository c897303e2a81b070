"""Training: variational objective, β schedules, annealing, checkpoints."""

from graphar.training import protocols
from graphar.training.adiabaticity import Adiabaticity, adiabaticity
from graphar.training.anneal import anneal
from graphar.training.checkpoint import load, save
from graphar.training.fitted import Fit, FitRecord
from graphar.training.likelihood import fit, likelihood_step
from graphar.training.objective import VariationalStep, variational_step
from graphar.training.optimizers.natural_gradient import NaturalGradient
from graphar.training.run import BetaRecord, Run
from graphar.training.schedules import geometric, linear
from graphar.training.sequential import SequentialTempering, sequential_tempering
from graphar.training.settings import check_settings
from graphar.training.trace import Trace
from graphar.training.transfer.fine_tune import fine_tune
from graphar.training.transfer.pretrain import pretrain
from graphar.training.transfer.result import Pretraining

__all__ = [
    "Adiabaticity",
    "BetaRecord",
    "Fit",
    "FitRecord",
    "NaturalGradient",
    "Pretraining",
    "Run",
    "SequentialTempering",
    "Trace",
    "VariationalStep",
    "adiabaticity",
    "anneal",
    "check_settings",
    "fine_tune",
    "fit",
    "geometric",
    "likelihood_step",
    "linear",
    "load",
    "pretrain",
    "protocols",
    "save",
    "sequential_tempering",
    "variational_step",
]
