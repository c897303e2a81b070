"""What finds configurations of low energy, and says how good they are."""

__all__: list[str] = []
