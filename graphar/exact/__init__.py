"""Exact answers for graphs small enough to have them."""

from graphar.exact.enumerate import Enumeration, codes_from_spins, enumerate, spins_from_codes

__all__ = ["Enumeration", "codes_from_spins", "enumerate", "spins_from_codes"]
