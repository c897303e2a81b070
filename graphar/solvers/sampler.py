"""graphar as a sampler of dimod (extra ``dimod``), for whatever takes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from graphar._support.checks import check_count
from graphar._support.seeds import check_seed
from graphar.hamiltonians import IsingGraph
from graphar.hamiltonians.dimod_models import import_dimod
from graphar.solvers.solve import solve

__all__ = ["GrapharSampler"]

dimod: Any = import_dimod()


class GrapharSampler(dimod.Sampler, dimod.Initialized):
    """:func:`graphar.solve` for dimod's binary quadratic models.

    Samples are different configurations of the lowest energy that was found. ``info`` of the sample set says ``bound``,
    ``optimal``, ``method``, ``seconds``, ``time_to_best`` and ``reason``, see :class:`graphar.Solution`.

    >>> samples = GrapharSampler().sample_ising({"a": 0.5}, {("a", "b"): 1.0})
    >>> samples.first.energy.item(), samples.info["optimal"]
    (-1.5, True)
    """

    @property
    def properties(self) -> Mapping[str, Any]:
        """What dimod asks of a sampler; nothing of this one."""
        return {}

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Keyword arguments of :meth:`sample`."""
        names = ("num_reads", "seed", "time_limit", "target", "steps", "initial_states", "initial_states_generator")
        return {name: [] for name in names}

    def sample(
        self,
        bqm: Any,
        num_reads: int | None = None,
        seed: int | None = None,
        time_limit: float | None = 10.0,
        target: float | None = None,
        steps: int | None = None,
        initial_states: Any = None,
        initial_states_generator: str = "none",
        **unknown: Any,
    ) -> Any:
        """Configurations of as low an energy as can be found.

        Args:
            bqm: a ``dimod.BinaryQuadraticModel``.
            num_reads: most samples, all different and of the lowest energy; as many as ``initial_states``, or 1, by
                default.
            seed: of all random bits, 0 by default.
            time_limit: seconds; it ends sooner with a proof. None for no limit.
            target: an energy that is enough.
            steps: rounds, by default as many as there is time for.
            initial_states: to begin with, as dimod's samplers take them.
            initial_states_generator: what fills them up to ``num_reads``: ``"none"``, ``"tile"`` or ``"random"``.
            unknown: dropped with a warning, as dimod does.

        Raises:
            ValueError: numbers that are not finite, initial states of other variables.
        """
        self.remove_unknown_kwargs(**unknown)
        chosen = 0 if seed is None else check_seed(seed)
        reads = None if num_reads is None else check_count(num_reads, "num_reads")
        initial = None
        if initial_states is not None:
            few = reads if initial_states_generator != "none" else None
            parsed = self.parse_initial_states(bqm, initial_states, initial_states_generator, few, chosen % 2**32)
            states = parsed.initial_states
            reads = len(states) if reads is None else reads
            initial = states.record.sample[:, [list(states.variables).index(name) for name in bqm.variables]]
            initial = torch.from_numpy(initial.astype("int8"))
            initial = initial if bqm.vartype is dimod.SPIN else 2 * initial - 1
        if not len(bqm.variables):
            return dimod.SampleSet.from_samples_bqm([{}], bqm)
        graph = IsingGraph.from_dimod(bqm)
        found = solve(graph, time_limit, target, chosen, initial, steps=steps, max_solutions=reads or 1, progress=False)
        rows = found.solutions.numpy() if bqm.vartype is dimod.SPIN else (found.solutions.numpy() + 1) // 2
        told = ("bound", "optimal", "method", "seconds", "time_to_best", "reason")
        info = {name: getattr(found, name) for name in told}
        return dimod.SampleSet.from_samples_bqm((rows, list(bqm.variables)), bqm, info=info)
