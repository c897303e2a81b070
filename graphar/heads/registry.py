"""Every head by name, configured as one would try it first: what the command line offers and the tests run over."""

from __future__ import annotations

from graphar.heads.base import Head
from graphar.heads.curie_weiss import CurieWeiss
from graphar.heads.curie_weiss_infinite import CurieWeissInfinite, OneParameter
from graphar.heads.exact import Exact
from graphar.heads.linear import Linear
from graphar.heads.made import MADE
from graphar.heads.message_passing import MessagePassing
from graphar.heads.mlp import MLP
from graphar.heads.recurrent import Recurrent
from graphar.heads.sherrington_kirkpatrick import SherringtonKirkpatrick
from graphar.heads.single_layer import SingleLayer

__all__ = ["HEADS"]

HEADS: dict[str, Head] = {
    "linear": Linear(),
    "linear_parents": Linear("parents"),
    "mlp": MLP(),
    "mlp_parents": MLP(inputs="parents"),
    "message_passing": MessagePassing(linear=True),
    "sk_rs": SherringtonKirkpatrick(0),
    "sk_1rsb": SherringtonKirkpatrick(1),
    "sk_2rsb": SherringtonKirkpatrick(2),
    "curie_weiss": CurieWeiss(trainable=True),
    "curie_weiss_infinite": CurieWeissInfinite(),
    "one_parameter": OneParameter(),
    "single_layer": SingleLayer(),
    "made": MADE(),
    "exact": Exact(),
    "recurrent": Recurrent(),
    "recurrent_chain": Recurrent("chain", "gru", shared=True, couplings=True),
    "recurrent_dilated": Recurrent("dilated", "vanilla"),
}
