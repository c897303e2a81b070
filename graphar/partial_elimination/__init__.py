"""The dial: sites whose conditionals are exact, a learned core, and what the ones leave to the other."""

from graphar.partial_elimination.plan import Core, auto_core_first, choose_width, core_first

__all__ = ["Core", "auto_core_first", "choose_width", "core_first"]
