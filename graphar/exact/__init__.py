"""Exact answers for graphs small enough to have them."""

from graphar.exact.curie_weiss import CurieWeiss, CurieWeissLimit, curie_weiss, curie_weiss_limit
from graphar.exact.eliminate import eliminate
from graphar.exact.elimination import Elimination
from graphar.exact.enumerate import Enumeration, codes_from_spins, enumerate, spins_from_codes
from graphar.exact.ground_state import GroundState, ground_state, planar_ground_state, toroidal_ground_state
from graphar.exact.parities import Parities, parities
from graphar.exact.planar.partition import Planar, planar
from graphar.exact.planar.toroidal import Toroidal, toroidal
from graphar.exact.sherrington_kirkpatrick import SherringtonKirkpatrickLimit, sherrington_kirkpatrick_limit
from graphar.exact.transverse import TransverseField, transverse_field
from graphar.exact.transverse_chain import TransverseChain, transverse_chain

__all__ = [
    "CurieWeiss",
    "CurieWeissLimit",
    "Elimination",
    "Enumeration",
    "GroundState",
    "Parities",
    "Planar",
    "SherringtonKirkpatrickLimit",
    "Toroidal",
    "TransverseChain",
    "TransverseField",
    "codes_from_spins",
    "curie_weiss",
    "curie_weiss_limit",
    "eliminate",
    "enumerate",
    "ground_state",
    "parities",
    "planar",
    "planar_ground_state",
    "sherrington_kirkpatrick_limit",
    "spins_from_codes",
    "toroidal",
    "toroidal_ground_state",
    "transverse_chain",
    "transverse_field",
]
