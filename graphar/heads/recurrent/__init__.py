"""The recurrent head: hidden states passed along a memory DAG."""

from graphar.heads.recurrent.head import BoundRecurrent, Recurrent, RecurrentCoefficients

__all__ = ["BoundRecurrent", "Recurrent", "RecurrentCoefficients"]
