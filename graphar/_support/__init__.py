"""What every part leans on: checks of arguments, files that are whole or not there, seeds."""

__all__: list[str] = []
