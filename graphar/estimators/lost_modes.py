r"""Which modes of the Boltzmann distribution a model has lost, ground states above all.

A model's own samples say nothing of states that it never draws. What is known from elsewhere does: the ground energy
and the number of ground states, whether flipping all spins is a symmetry, entropy and perfect samples. A model that has
lost half of a symmetric distribution has

.. math:: \mathrm{JS} = \mathrm{KL}\Bigl(q(x) \,\Big\|\, \tfrac12[q(x) + q(-x)]\Bigr) = \log 2

where JS, the Jensen–Shannon divergence of q(x) and q(−x), is 0 for a model that keeps the symmetry.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from graphar._support.checks import check_count, check_number
from graphar._support.seeds import choose_key
from graphar.estimators.bounds import TwoSidedBound, two_sided_bound
from graphar.estimators.partition import Estimate
from graphar.exact.known import Known, find_known
from graphar.exact.scale import scale
from graphar.hamiltonians import IsingGraph, SpinHypergraph
from graphar.models.distribution import Distribution, check_distribution

__all__ = ["LostModes", "is_even", "lost_modes"]

SHARE = 0.01  # of its weight in p, below which a state counts as lost
ROWS = 20  # of a table
LOWEST_MET = "the lowest met"


@dataclass(frozen=True, eq=False)
class LostModes:
    """What a model at one β has of the modes that exist; made by :func:`lost_modes`.

    Attributes:
        beta: inverse temperature β.
        num_spins: N.
        num_samples: samples of the model q.
        ground_energy: E₀, or the lowest energy known.
        sources: where it and the other exact numbers are from, in words.
        num_ground_states: how many configurations have the energy E₀, None where that is not known.
        ground_states: those listed, int8, (K, N): all that exist where ``complete``, else the different ones drawn.
        complete: whether these are all.
        counts: how often each was drawn, (K,).
        log_q: log q of each, float64, (K,).
        log_p: log of the Boltzmann weight e^{−βE₀}/Z of each, None where log Z is not known.
        ground_weight: part of the samples of q that have the energy E₀.
        energy: mean energy of q.
        asymmetry: Jensen–Shannon divergence of q(x) and q(−x) in nats, from 0 to log 2 where half is lost; None where
            flipping all spins is no symmetry of the graph.
        entropy: of q, −⟨log q⟩ in nats.
        exact_entropy: of the Boltzmann distribution, None where it is not known.
        bound: the free energy between two bounds, None without samples of the Boltzmann distribution.
    """

    beta: float
    num_spins: int
    num_samples: int
    ground_energy: float
    sources: tuple[str, ...]
    num_ground_states: int | None
    ground_states: Tensor
    complete: bool
    counts: Tensor
    log_q: Tensor
    log_p: float | None
    ground_weight: Estimate
    energy: Estimate
    asymmetry: Estimate | None
    entropy: Estimate
    exact_entropy: float | None
    bound: TwoSidedBound | None

    @property
    def num_found(self) -> int:
        """Different ground states among the samples."""
        return int((self.counts > 0).sum())

    @property
    def num_lost(self) -> int | None:
        """Ground states of less than a hundredth of their share in q.

        Their share is that of all of them in p where log Z is known, else the mean over them in q. None where not all
        are listed.
        """
        if not self.complete:
            return None
        share = self.log_p
        if share is None:
            share = float(self.log_q.logsumexp(0)) - math.log(len(self.log_q))
        return int((self.log_q < share + math.log(SHARE)).sum())

    @property
    def num_effective(self) -> float:
        """Effective number of the ground states listed, (Σq)²/Σq²: all of them where they are alike in q."""
        if not len(self.log_q):
            return 0.0
        return float(torch.exp(2 * self.log_q.logsumexp(0) - (2 * self.log_q).logsumexp(0)))

    def table(self, rows: int | None = ROWS) -> str:
        """A line for each ground state listed, the most likely in q first: times drawn, q, and p where it is known."""
        p = "" if self.log_p is None else f"{math.exp(self.log_p):>12.3g}"
        order = self.log_q.argsort(descending=True)
        shown = order if rows is None else order[: check_count(rows, "rows", 0)]
        lines = [f"{'drawn':>8}{'q':>12}" + (f"{'p':>12}" if p else "")]
        lines += [f"{int(self.counts[k]):>8}{math.exp(float(self.log_q[k])):>12.3g}{p}" for k in shown]
        left = len(order) - len(shown)
        return "\n".join([*lines, f"{f'and {left} more':>20}"] if left else lines)

    def __repr__(self) -> str:
        of = "an unknown number" if self.num_ground_states is None else f"{self.num_ground_states}"
        lost = "" if self.num_lost is None else f", {self.num_lost} lost"
        weight = repr(self.ground_weight)
        if self.log_p is not None and self.num_ground_states is not None:
            weight += f", exact {math.exp(self.log_p + math.log(self.num_ground_states)):.6g}"
        entropy = (
            repr(self.entropy) if self.exact_entropy is None else f"{self.entropy!r}, exact {self.exact_entropy:.6g}"
        )
        rows = [
            ("ground energy", f"{self.ground_energy:.10g}, by {' and '.join(self.sources) or LOWEST_MET}"),
            ("ground states found", f"{self.num_found} of {of}{lost}"),
            ("their weight in q", weight),
            ("mean energy", repr(self.energy)),
            ("entropy", f"{entropy} nats"),
        ]
        if len(self.log_q) > 1:
            rows.insert(2, ("their effective number", f"{self.num_effective:.4g} of {len(self.log_q)} listed"))
        if self.asymmetry is not None:
            rows.append(("asymmetry of x and −x", f"{self.asymmetry!r} nats, log 2 where half is lost"))
        if self.bound is not None:
            rows.append(("F, upper bound", repr(self.bound.upper)))
            rows.append(("F, lower bound", repr(self.bound.lower)))
            rows.append(("KL(q‖p) + KL(p‖q)", f"{self.bound.gap!r} nats"))
        head = f"beta = {self.beta:g}, {self.num_spins} spins, {self.num_samples} samples of q"
        return "\n".join([head, *(f"  {name:<24}{value}" for name, value in rows)])


@torch.no_grad()
def lost_modes(
    q: Distribution,
    num_samples: int = 10_000,
    *,
    ground_energy: float | None = None,
    spins: Any = None,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> LostModes:
    r"""Ground states that a model finds of those that exist, their weights, its symmetry, entropy and two bounds.

    Ground energy, number of ground states, log Z, entropy and perfect samples come from :mod:`graphar.exact` where it
    has them at moderate cost: enumeration up to 20 spins, elimination of narrow graphs, linear algebra over GF(2) for
    models without frustration, matching and the Kac–Ward determinant of planar graphs. log q of every ground state is
    exact where all are listed, however rare they are among samples.

    .. math:: \mathrm{JS} = \log 2 - \langle \log(1 + q(-x)/q(x)) \rangle_q

    is the asymmetry on graphs that do not tell x from −x.

    Args:
        q: a model at its inverse temperature, ``model.at(beta)``, β > 0.
        num_samples: how many samples of q, at least 2.
        ground_energy: the lowest energy known, where exact methods find none; one met below it counts instead.
        spins: samples of the Boltzmann distribution, ±1, shape (..., N), for the two-sided bound; by default perfect
            ones, as many as ``num_samples``, where there are any.
        seed: of all samples, 0 if neither it nor ``generator`` is given.
        generator: a generator that goes on where it stands.

    Returns:
        A report, whose ``repr`` is a table; see :class:`LostModes`.

    Raises:
        ValueError: an argument breaks its rule, as for :func:`two_sided_bound`; or ``ground_energy`` lies below the
            exact one.

    >>> import graphar as ga
    >>> graph = ga.chain(8, couplings="ferromagnet")
    >>> lost_modes(ga.Autoregressive(graph, ga.heads.Exact).at(2.0), 1000).num_lost
    0
    """
    count = check_count(num_samples, "num_samples", 2)
    if check_distribution(q).beta == 0:
        raise ValueError("beta must be positive for modes to be lost, got 0")
    key = choose_key(0 if seed is None and generator is None else seed, generator, "lost modes")
    graph, known = q.graph, find_known(q.graph, q.beta)
    given = None if ground_energy is None else check_number(ground_energy, "ground_energy")
    tolerance = (1e-9 if graph.dtype == torch.float64 else 1e-5) * max(scale(graph), 1e-300)
    if given is not None and known.ground_energy is not None and given < known.ground_energy - tolerance:
        raise ValueError(f"ground_energy must be at least the exact one, {known.ground_energy:.10g}, got {given:.10g}")
    target = known.ground_energy if known.ground_energy is not None else given
    lowest, log_q, energy, flipped = target, [], [], []
    hits = torch.empty(0, graph.num_spins, dtype=torch.int8)
    even = is_even(graph)
    for part in q.draw(count, key):
        log_q.append(part.full_log_prob.cpu())
        energies = graph.energy(part.spins).double().cpu()
        energy.append(energies)
        if lowest is None or float(energies.min()) < lowest - tolerance:
            lowest, hits = float(energies.min()), hits[:0]
        hits = torch.cat(
            [hits, part.spins[(energies <= lowest + tolerance).to(part.spins.device)].cpu().to(torch.int8)]
        )
        if even:
            flipped.append(q.log_prob(-part.spins).cpu())
    assert lowest is not None
    log_prob = torch.cat(log_q)
    if not bool(torch.isfinite(log_prob).all()):
        raise ValueError("log q must be finite, got NaN or inf: the model's weights or couplings are not")
    asymmetry = _mean(math.log(2) - softplus(torch.cat(flipped) - log_prob)) if even else None
    complete = known.ground_states is not None
    states, counts = _counted(hits, known.ground_states)
    sources = known.sources if known.ground_energy is not None else (*known.sources, _origin(target, lowest, tolerance))
    return LostModes(
        beta=q.beta,
        num_spins=graph.num_spins,
        num_samples=count,
        ground_energy=lowest,
        sources=sources,
        num_ground_states=known.degeneracy,
        ground_states=states,
        complete=complete,
        counts=counts,
        log_q=q.log_prob(states).cpu() if len(states) else torch.empty(0, dtype=torch.float64),
        log_p=None if known.log_partition is None else -q.beta * lowest - known.log_partition,
        ground_weight=_share(len(hits), count),
        energy=_mean(torch.cat(energy)),
        asymmetry=asymmetry,
        entropy=_mean(-log_prob),
        exact_entropy=known.entropy,
        bound=_bound(q, known, spins, count, key),
    )


def is_even(graph: IsingGraph | SpinHypergraph) -> bool:
    """Whether flipping all spins changes no energy: no field, and no interaction of an odd number of spins.

    >>> import graphar as ga
    >>> is_even(ga.chain(3)), is_even(ga.newman_moore(3)), is_even(ga.random_hypergraph(8, 4, 2))
    (True, False, True)
    """
    if bool((graph.h != 0).any()):
        return False
    return isinstance(graph, IsingGraph) or not bool((graph.orders[graph.hyperedge_weight != 0] % 2).any())


def _origin(given: float | None, lowest: float, tolerance: float) -> str:
    return "what was given" if given is not None and abs(lowest - given) <= tolerance else LOWEST_MET


def _counted(hits: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """Different ground states, all known ones among them, and how often each was drawn."""
    if known is None:
        states, counts = hits.unique(dim=0, return_counts=True)
        return states, counts
    states, inverse = torch.cat([known.to(torch.int8), hits]).unique(dim=0, return_inverse=True)
    return states, torch.bincount(inverse, minlength=len(states)) - 1


def _bound(q: Distribution, known: Known, spins: Any, count: int, key: int) -> TwoSidedBound | None:
    seed = key >> 1  # seeds have 63 bits
    if spins is not None:
        return two_sided_bound(q, spins, count, seed=seed)
    if known.sample is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these samples may be of another β: they are not
        return two_sided_bound(q, known.sample(count, seed=seed), count, seed=seed)


def _mean(values: Tensor) -> Estimate:
    return Estimate(float(values.mean()), float(values.std()) / math.sqrt(len(values)))


def _share(hits: int, count: int) -> Estimate:
    share = hits / count
    return Estimate(share, math.sqrt(share * (1 - share) / (count - 1)))
