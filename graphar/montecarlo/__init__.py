"""Monte Carlo on any graph."""

__all__: list[str] = []
