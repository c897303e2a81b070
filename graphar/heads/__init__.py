"""Heads: what turns the messages that reach a spin into its conditional."""

from graphar.heads.base import BoundHead, Head
from graphar.heads.curie_weiss import CurieWeiss
from graphar.heads.curie_weiss_infinite import CurieWeissInfinite, OneParameter
from graphar.heads.exact import Exact
from graphar.heads.linear import Linear
from graphar.heads.made import MADE
from graphar.heads.message_passing.head import MessagePassing
from graphar.heads.message_passing.weights import MessageWeights
from graphar.heads.mlp import MLP
from graphar.heads.recurrent import Recurrent
from graphar.heads.sherrington_kirkpatrick import SherringtonKirkpatrick
from graphar.heads.single_layer import SingleLayer

__all__ = [
    "MADE",
    "MLP",
    "BoundHead",
    "CurieWeiss",
    "CurieWeissInfinite",
    "Exact",
    "Head",
    "Linear",
    "MessagePassing",
    "MessageWeights",
    "OneParameter",
    "Recurrent",
    "SherringtonKirkpatrick",
    "SingleLayer",
]
