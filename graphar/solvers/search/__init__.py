"""The search behind :func:`graphar.solve`: what is solved exactly, what is searched, and what they have found."""

__all__: list[str] = []
