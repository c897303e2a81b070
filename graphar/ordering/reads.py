"""What a conditional reads of the spins drawn before: it fixes which spins wait for which, and the lists of inputs."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Reads"]


class Reads(StrEnum):
    """What reaches spin i beside its field h_i and the local message ξ_ii.

    >>> Reads("parents").spins, Reads.MESSAGES.spins, Reads.EARLIER.in_turn
    (True, False, True)
    """

    LOCAL = "local"
    """Nothing more."""
    MESSAGES = "messages"
    """The messages ξ_il on the frontier."""
    PARENTS = "parents"
    """The spins x_P(i)."""
    EARLIER = "earlier"
    """All earlier spins."""
    MAGNETISATION = "magnetisation"
    """The sum of all earlier spins."""
    MEMORY = "memory"
    """What a head passes on from spin to spin by itself: any of them, unless the head says which."""

    @property
    def spins(self) -> bool:
        """Whether spins are listed, rather than messages or nothing."""
        return self in (Reads.PARENTS, Reads.EARLIER)

    @property
    def listed(self) -> bool:
        """Whether each spin has a list of what it reads."""
        return self.spins or self is Reads.MESSAGES

    @property
    def in_turn(self) -> bool:
        """Whether spin i waits for all spins before it, whatever the graph."""
        return self in (Reads.EARLIER, Reads.MAGNETISATION, Reads.MEMORY)

    def waits_for_component(self, kind: str, radius: int | None) -> bool:
        """Whether spin i waits for its ancestors in the elimination tree and no others."""
        if self is Reads.LOCAL:
            return True
        return radius is None and not self.in_turn and (self is Reads.PARENTS or kind == "component")
