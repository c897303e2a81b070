"""Single-spin sweeps on a device: the Hamiltonian there, and launches of the kernels of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from graphar.montecarlo.base import Info, State
from graphar.montecarlo.plan import Terms
from graphar.montecarlo.triton.columns import gathered, site_orders, spread, to_columns, to_spins
from graphar.montecarlo.triton.launching import launch, signed

__all__ = ["MAX_TABLE", "Rows", "SiteOrder", "advance_on_device", "parts_of", "segments"]

BLOCK = 128
"""Replicas of a program: four for each thread of a warp."""
MAX_TABLE = 2**24
"""Entries of tables of sites and of β that one launch reads."""
_PROGRAMS_FOR_SM = 8  # up to which the sites of a colour are split among programs


class SiteOrder:
    """Sites of each sweep, on a device.

    Args:
        sites: in the order of a sweep, (N,).
        colours: where each colour ends in it, for sites in the order of their colours.
        at_random: whether sites are drawn instead.
        key: of the random bits that replicas share.
    """

    def __init__(
        self, sites: np.ndarray, colours: list[int] | None, at_random: bool, key: int, device: torch.device
    ) -> None:
        self.sites = torch.from_numpy(sites.astype(np.int32)).to(device)
        self.colours, self.at_random, self.key = colours, at_random, key

    def table(self, step: int, count: int) -> tuple[Tensor, int]:
        """Sites of ``count`` sweeps from ``step`` on, and how far the rows are apart."""
        if not self.at_random:
            return self.sites, 0
        n = len(self.sites)
        return site_orders(self.key, step, count, n, self.sites.device), n

    def launches(self, count: int, parts: int) -> Iterator[tuple[int, int, int, int, int]]:
        """First sweep, how many, first and last place, and places of a program: all at once, or colour by colour."""
        if parts == 1 or self.colours is None:
            yield 0, count, 0, len(self.sites), len(self.sites)
            return
        for s in range(count):
            for start, stop in zip([0, *self.colours[:-1]], self.colours, strict=True):
                yield s, 1, start, stop, -(-(stop - start) // parts)


class Rows:
    """A Hamiltonian on a device, for spins in columns.

    Args:
        terms: as the compiled loops take them.
        rule: of the updates, their number there.
    """

    def __init__(self, terms: Terms, rule: int, device: torch.device) -> None:
        def put(name: str) -> Tensor:
            part = getattr(terms, name)
            part = part.astype(np.int8) if part.dtype == np.bool_ else part
            return torch.from_numpy(np.ascontiguousarray(part)).to(device)

        self.device, self.rule, self.scale = device, rule, terms.scale
        self.many = len(terms.many_weight) > 0
        pairs, many = ("neighbour", "weight", "field"), ("many_weight", "other_ptr", "other")
        self.part = {name: put(name) for name in ("ptr", "later", *pairs, "many_ptr", "many_first", *many)}
        self.scales = torch.tensor([-terms.scale, terms.offset], dtype=torch.float64, device=device)

    def _terms(self, *names: str) -> list[Tensor]:
        return [self.part[name] for name in names]

    def sweeps(
        self, order: SiteOrder, key: int, step: int, count: int, spins: Tensor, twice_beta: Tensor, flips: Tensor
    ) -> None:
        """Sweeps in place.

        Args:
            key: of the spins' random bits.
            step: of the first.
            spins: int8, (N, columns).
            twice_beta: 2β × scale, float32, (1 or count, 1 or columns).
            flips: to which flips made are added, int64, (parts, columns).
        """
        from graphar.montecarlo.triton.rows import row_sweeps

        columns = spins.shape[1]
        table, row = order.table(step, count)
        beta_row = twice_beta.stride(0) if len(twice_beta) > 1 else 0
        beta_column = 1 if twice_beta.shape[1] > 1 else 0
        for s, sweeps, start, stop, part in order.launches(count, len(flips)):
            launch(
                row_sweeps,
                (columns // BLOCK, -(-(stop - start) // part)),
                *self._terms("ptr", "neighbour", "weight", "field", "many_ptr", "many_weight", "other_ptr", "other"),
                signed(key),
                step + s,
                table,
                row,
                twice_beta[s if beta_row else 0 :],
                beta_row,
                beta_column,
                spins,
                flips,
                columns,
                start,
                stop,
                part,
                sweeps,
                METROPOLIS=self.rule == 1,
                AT_RANDOM=order.at_random,
                MANY=self.many,
                BLOCK=BLOCK,
            )

    def energies(self, spins: Tensor) -> Tensor:
        """Of spins in columns, float64, (columns,)."""
        from graphar.montecarlo.triton.rows import row_energies

        n, columns = spins.shape
        energy = torch.empty(columns, dtype=torch.float64, device=self.device)
        many = "many_ptr", "many_first", "many_weight", "other_ptr", "other"
        launch(
            row_energies,
            (columns // BLOCK,),
            *self._terms("ptr", "later", "neighbour", "weight", "field", *many),
            self.scales,
            spins,
            energy,
            columns,
            n,
            MANY=self.many,
            BLOCK=BLOCK,
        )
        return energy


def segments(count: int, measure: int, most: int) -> Iterator[tuple[int, int, bool]]:
    """Sweeps from one measurement to the next, ``most`` of them at once: first, how many, whether to measure then."""
    stride = count // max(1, measure)
    stops = [count - stride * k for k in reversed(range(measure))] if measure else [count]
    done = 0
    for stop in stops:
        while done < stop:
            some = min(most, stop - done)
            yield done, some, bool(measure) and done + some == stop
            done += some


def parts_of(order: SiteOrder, blocks: int, device: torch.device) -> int:
    """Programs that share the sites of a colour: more than one where the replicas alone do not fill the device."""
    if order.colours is None or device.type != "cuda":
        return 1
    wanted = _PROGRAMS_FOR_SM * torch.cuda.get_device_properties(device).multi_processor_count
    largest = int(np.diff([0, *order.colours]).max())
    return max(1, min(wanted // blocks, largest))


def advance_on_device(
    rows: Rows, order: SiteOrder, key: int, state: State, twice_beta: np.ndarray, sweeps: int, measure: int
) -> tuple[Tensor, Info]:
    """Sweeps of replicas from a state: spins on the device, and what happened, on the host.

    Args:
        twice_beta: 2β × scale of each sweep or of all, and of each replica or of all, float32, (1 or sweeps, 1 or R).
    """
    count, n = state.spins.shape
    columns = -(-count // BLOCK) * BLOCK
    spins = to_columns(state.spins.to(rows.device), columns)
    betas = torch.from_numpy(twice_beta)
    most = max(1, MAX_TABLE // max(n if order.at_random else 1, betas.shape[1]))
    flips = torch.zeros(parts_of(order, columns // BLOCK, rows.device), columns, dtype=torch.int64, device=rows.device)
    seen: list[Tensor] = []
    for first, some, measured in segments(sweeps, measure, most):
        beta = betas[first : first + some] if len(betas) > 1 else betas
        beta = beta.to(rows.device)
        beta = beta if beta.shape[1] == 1 else spread(beta, columns)
        rows.sweeps(order, key, state.sweeps + 1 + first, some, spins, beta, flips)
        if measured:
            seen.append(gathered(rows.energies(spins), count))
    energies = torch.stack(seen).cpu() if seen else torch.zeros(0, count, dtype=torch.float64)
    flipped = gathered(flips.sum(0), count).double().cpu() / (sweeps * n)
    return to_spins(spins, count), Info(energies, flipped)
