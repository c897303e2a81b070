"""What every problem is: a Hamiltonian, and the way from its spins to an answer in the user's own words and back.

The least energy is that of a best answer, and the energies of feasible answers rise as these get worse: a target can be
told as an objective, and a bound on the energy is one on the objective.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from graphar._support.checks import check_number, check_spins
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.problems.answer_files import read_values
from graphar.problems.names import Form

__all__ = ["Check", "Problem"]

Answer = TypeVar("Answer")

_SHOWN = 5  # violations that are printed


@dataclass(frozen=True)
class Check:
    """What an answer is worth.

    Attributes:
        objective: in the user's own sense.
        sense: ``"max"`` or ``"min"``, which of objectives is better.
        feasible: whether the answer keeps all rules.
        violations: the rules that it breaks, by the names of what breaks them.
        energy: of its spins.
    """

    objective: float
    sense: str
    feasible: bool
    violations: list[Any]
    energy: float

    def __str__(self) -> str:
        lines = [f"objective ({self.sense}): {self.objective:.12g}"]
        if self.feasible:
            lines.append("feasible: yes")
        else:
            some = ", ".join(str(each) for each in self.violations[:_SHOWN])
            more = ", …" if len(self.violations) > _SHOWN else ""
            lines.append(f"feasible: no, {len(self.violations)} violated: {some}{more}")
        return "\n".join([*lines, f"energy: {self.energy:.12g}"])


class Problem(ABC, Generic[Answer]):
    """A question, and the Hamiltonian whose lowest energy answers it.

    Made by :class:`graphar.problems.MaxCut` and its siblings. Answers are in the user's own names.

    Attributes:
        graph: the Hamiltonian, an :class:`graphar.IsingGraph` or a :class:`graphar.SpinHypergraph`.
        sense: ``"max"`` or ``"min"``, which of objectives is better.
        searches: whether it has a search of its own, :meth:`improve`.
    """

    graph: IsingGraph | SpinHypergraph
    sense: str
    searches: ClassVar[bool] = False
    _form: Form
    _values_told: ClassVar[str] = "two"  # what an answer file of one number for each name holds

    @property
    def num_values(self) -> int:
        """How many names an answer is about: spins are as many, or more where there are ancillas or colours."""
        return self._form.names.count

    # From spins to answers and back.

    def decode(self, spins: Any) -> Answer:
        """The answer that spins say, which may break rules.

        Args:
            spins: ±1, shape (N,), of ``graph``.
        """
        x = check_spins(spins, self.graph.num_spins)
        if x.dim() != 1:
            raise ValueError(f"spins must be one configuration, shape ({self.graph.num_spins},), got {tuple(x.shape)}")
        return self._answer(self._values(x.detach().cpu().to(torch.int8).numpy()))

    def encode(self, answer: Answer) -> Tensor:
        """Spins that say the answer, int8, shape (N,); :meth:`decode` gives it back."""
        return torch.from_numpy(self._spins(self._read(answer)))

    # What an answer is worth.

    def objective(self, answer: Answer) -> float:
        """What the user wants most or least of, by ``sense``."""
        return self._objective(self._read(answer))

    def violations(self, answer: Answer) -> list[Any]:
        """The rules that the answer breaks, by the names of what breaks them; empty where it is feasible."""
        return self._violations(self._read(answer))

    def feasible(self, answer: Answer) -> bool:
        """Whether the answer keeps all rules."""
        return not self.violations(answer)

    def repair(self, answer: Answer) -> Answer:
        """A feasible answer near this one; of one that is feasible, one that is at least as good."""
        return self._answer(self._repair(self._read(answer)))

    def improve(
        self,
        spins: Any,
        seed: int,
        work: int,
        stop: Callable[[], bool],
        tell: Callable[[Tensor], Any] | None = None,
    ) -> Tensor:
        """Spins from the problem's own search, which goes from these; for problems that have one (``searches``).

        Args:
            spins: ±1, shape (N,), of ``graph``.
            seed: of its random bits.
            work: steps.
            stop: asks, every tenth of a second or so, whether to end.
            tell: gets spins of better answers, int8, shape (N,), while the search runs; on another thread.

        Returns:
            int8, shape (N,).

        Raises:
            ValueError: the problem has none.
        """
        values = self._values(check_spins(spins, self.graph.num_spins).numpy())

        def told(better: np.ndarray) -> None:
            if tell is not None:
                tell(torch.from_numpy(self._spins(better)))

        return torch.from_numpy(self._spins(self._search(values, seed, work, stop, told)))

    def check(self, answer: Answer) -> Check:
        """Objective, feasibility and energy of an answer."""
        values = self._read(answer)
        broken = self._violations(values)
        energy = float(self.graph.energy(torch.from_numpy(self._spins(values))))
        return Check(self._objective(values), self.sense, not broken, broken, energy)

    def is_better(self, objective: float, than: float) -> bool:
        """Whether one objective is better than another, in ``sense``."""
        return objective > than if self.sense == "max" else objective < than

    def read_answer(self, path: str | PathLike[str], form: str | None = None) -> Answer:
        """An answer from a text file.

        The file holds one number for each name, in their order, ±1 or 0 and 1 or colours, apart from each other or in
        one word (``+-+`` or ``101``); or names, one a line, which are chosen or are one of two sides; or lines of a
        name and its value; or the ``v`` lines of a SAT solver. ``#`` begins a comment.

        Args:
            path: the file, plain or gzip.
            form: ``"spins"`` (numbers ±1), ``"bits"`` (0 and 1) or ``"names"``, where the file does not show it.

        Raises:
            ValueError: names or numbers that are none of the problem's; names file and line.
        """
        return self._answer(read_values(path, self._form, self._values_told, form))

    # Energies and objectives of feasible answers.

    def energy_of(self, objective: Any) -> float:
        """Energy of feasible answers of this objective."""
        scale, shift = self._affine()
        return scale * check_number(objective, "objective") + shift

    def objective_of(self, energy: Any) -> float:
        """Objective of feasible answers of this energy; of a lower bound on energies, a bound on objectives."""
        scale, shift = self._affine()
        return (check_number(energy, "energy") - shift) / scale

    # What each problem gives.

    @abstractmethod
    def _objective(self, values: np.ndarray) -> float: ...

    @abstractmethod
    def _affine(self) -> tuple[float, float]:
        """a and b of energy = a · objective + b on feasible answers."""

    def _values(self, spins: np.ndarray) -> np.ndarray:
        return np.asarray(spins > 0)

    def _spins(self, values: np.ndarray) -> np.ndarray:
        return np.where(values, 1, -1).astype(np.int8)

    def _violations(self, values: np.ndarray) -> list[Any]:
        return []

    def _repair(self, values: np.ndarray) -> np.ndarray:
        return values

    def _search(
        self,
        values: np.ndarray,
        seed: int,
        work: int,
        stop: Callable[[], bool],
        tell: Callable[[np.ndarray], None],
    ) -> np.ndarray:
        raise ValueError(f"problem must be one with a search of its own, got {type(self).__name__}")

    def _answer(self, values: np.ndarray) -> Any:
        return self._form.make(values)

    def _read(self, answer: Any) -> np.ndarray:
        return self._form.read(answer)

    def _size(self) -> str:
        """How large the problem is, in words."""
        return f"{self._form.names.count} variables"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size()}, {self.sense}, {self.graph.num_spins} spins)"
