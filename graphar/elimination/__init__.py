"""Variable elimination: the machine that exact answers and partly exact models share."""

__all__: list[str] = []
