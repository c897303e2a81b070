"""Weights that serve every graph: those of the gates of message passing, in files that people can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from graphar._support.files import atomic_write
from graphar.heads.message_passing.rule import MessageRule

__all__ = ["MessageWeights"]

FORMAT = "graphar message weights 1"
LARGEST = 10**7  # bytes of a file
SHIPPED = "pretrained"


class MessageWeights:
    """Weights of the shared networks of :class:`graphar.heads.MessagePassing`.

    Args:
        tensors: by name, as in the module's ``state_dict()``.
        about: what is known of them, such as the command that made them: plain numbers, strings, lists.
        name: what to call them.

    Attributes:
        hidden: hidden units.

    >>> rule = MessageRule(8, torch.Generator().manual_seed(0), torch.float32)
    >>> MessageWeights(rule.state_dict(), name="mine")
    MessageWeights('mine', 8 hidden units, 156 numbers)
    """

    def __init__(
        self, tensors: Mapping[str, Tensor], about: Mapping[str, Any] | None = None, name: str = "weights"
    ) -> None:
        self.tensors = {key: value.detach().cpu().clone() for key, value in tensors.items()}
        self.about, self.name = dict(about or {}), name
        bias = self.tensors.get("message_gates.bias", torch.empty(0))
        self.hidden = bias.numel()
        expected = {key: value.shape for key, value in MessageRule(self.hidden, torch.Generator(), torch.float32)
                    .state_dict().items()}  # fmt: skip
        found = {key: value.shape for key, value in self.tensors.items()}
        if not self.hidden or found != expected:
            raise ValueError(f"weights must be those of a MessageRule, got {_shapes(found)}")
        if not all(bool(torch.isfinite(value).all()) for value in self.tensors.values()):
            raise ValueError("weights must be finite, got NaN or infinite numbers")

    @property
    def schedule(self) -> dict[str, Any]:
        """Radius, rounds and refresh of the head that they were trained with, where that is known."""
        head = self.about.get("head")
        kinds = {"radius": int, "rounds": int, "refresh": str}
        if not isinstance(head, dict):
            return {}
        return {name: head[name] for name, kind in kinds.items() if isinstance(head.get(name), kind)}

    @staticmethod
    def names() -> list[str]:
        """Of those that come with graphar.

        >>> "random_regular_3_pm1" in MessageWeights.names()
        True
        """
        folder = resources.files("graphar.heads.message_passing") / SHIPPED
        return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))

    @classmethod
    def load(cls, source: str | PathLike[str]) -> MessageWeights:
        """Weights by name, of those that come with graphar, or else from a file.

        Raises:
            ValueError: there are no such weights, or the file holds something else.
        """
        if not isinstance(source, (str, PathLike)):
            raise ValueError(f"weights must be a name, a file or MessageWeights, got {source!r}")
        name = fspath(source)
        if name in cls.names():
            return cls._read(
                (resources.files("graphar.heads.message_passing") / SHIPPED / f"{name}.json").read_text(), name
            )
        path = Path(name)
        if not path.is_file():
            raise ValueError(f"weights must be one of {', '.join(cls.names())} or a file, got {name!r}")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{name}: must be a file of message weights, got more than {LARGEST} bytes")
        try:
            return cls._read(path.read_text(encoding="utf-8"), name)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    @classmethod
    def _read(cls, text: str, name: str) -> MessageWeights:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"must hold {FORMAT!r} in JSON, got {error}") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"must hold {FORMAT!r} in JSON, got something else")
        try:
            tensors = {key: torch.tensor(value, dtype=torch.float64) for key, value in content["weights"].items()}
        except (KeyError, AttributeError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"weights must be lists of numbers, got {error}") from error
        about = content.get("about")
        return cls(tensors, about if isinstance(about, dict) else None, name)

    def save(self, path: str | PathLike[str]) -> None:
        """Write them to a file, as JSON, whole or not at all."""
        weights = {key: _rounded(value) for key, value in self.tensors.items()}
        text = json.dumps({"format": FORMAT, "about": self.about, "weights": weights}, indent=1)
        with atomic_write(path) as file:
            file.write(f"{text}\n".encode())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MessageWeights) or self.hidden != other.hidden:
            return False
        return all(torch.equal(value.double(), other.tensors[name].double()) for name, value in self.tensors.items())

    def __hash__(self) -> int:
        return hash(float(self.tensors["message_gates.bias"].double().sum()))

    def __repr__(self) -> str:
        count = sum(value.numel() for value in self.tensors.values())
        return f"MessageWeights({self.name!r}, {self.hidden} hidden units, {count:,} numbers)"


def _rounded(value: Tensor) -> Any:
    """Nested lists, float32 numbers in their shortest form."""
    if value.dtype == torch.float32:
        flat = [float(f"{number:.9g}") for number in value.flatten().tolist()]
        return torch.tensor(flat, dtype=torch.float64).view(value.shape).tolist()
    return value.tolist()


def _shapes(found: Mapping[str, torch.Size]) -> str:
    return ", ".join(f"{key} {tuple(shape)}" for key, shape in found.items()) or "none"
