"""Exact answers for graphs small enough to have them."""

from graphar.exact.eliminate import Elimination, eliminate
from graphar.exact.enumerate import Enumeration, codes_from_spins, enumerate, spins_from_codes
from graphar.exact.ground_state import GroundState, ground_state, planar_ground_state
from graphar.exact.planar import Planar, planar

__all__ = [
    "Elimination",
    "Enumeration",
    "GroundState",
    "Planar",
    "codes_from_spins",
    "eliminate",
    "enumerate",
    "ground_state",
    "planar",
    "planar_ground_state",
    "spins_from_codes",
]
