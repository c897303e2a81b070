"""Weights learned on many graphs, and fitted to one."""

from graphar.training.transfer.fine_tune import fine_tune
from graphar.training.transfer.pretrain import pretrain
from graphar.training.transfer.result import Pretraining

__all__ = ["Pretraining", "fine_tune", "pretrain"]
