"""The recurrent head: hidden states passed along a memory DAG."""

from graphar.heads.recurrent.cells import RecurrentCoefficients
from graphar.heads.recurrent.head import BoundRecurrent, Recurrent

__all__ = ["BoundRecurrent", "Recurrent", "RecurrentCoefficients"]
