"""Spins on graphs: autoregressive networks by ordered sparse message passing.

A Hamiltonian is a PyG graph; an ordering turns it into a DAG with an elimination tree; messages flow once along
that DAG; a head turns the messages that reach a spin into its conditional.
"""

# Names are loaded when the first of them is asked for (PEP 562): torch takes seconds, and the command line must be able
# to answer Ctrl-C before. :mod:`graphar._names` lists them.

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphar._names import *  # noqa: F403
    from graphar._names import __all__ as __all__

__version__ = "0.1.0"

if not TYPE_CHECKING:  # or every name would be one to a type checker

    def __getattr__(name: str) -> Any:
        if name != "__all__" and name.startswith("__"):  # what tools look for in any module
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if find_spec(f"{__name__}.{name}") is not None:
            return import_module(f"{__name__}.{name}")
        names = import_module("graphar._names")
        globals().update({each: getattr(names, each) for each in names.__all__}, __all__=names.__all__)
        try:
            return globals()[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
