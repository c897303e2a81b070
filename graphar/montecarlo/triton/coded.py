"""Metropolis on bits of a device: spins as words there, thresholds, and launches of the kernels of bits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from graphar.montecarlo.base import Info, State
from graphar.montecarlo.coding import Coded
from graphar.montecarlo.triton import sweeping
from graphar.montecarlo.triton.launching import launch, signed

__all__ = ["Bits", "advance_bits"]

BLOCK = 32
"""Words of a program: one for each thread of a warp."""
DIGITS = 32
_SITES = 2**20  # words of 64 numbers that are made of spins, or spins of them, at once


def _to_words(spins: Tensor, words: int) -> Tensor:
    """Spins (R, N) as bits of int64, (N, words); replicas beyond the last are −1."""
    places, parts = torch.arange(64, device=spins.device), []
    for some in spins.split(max(1, _SITES // words), dim=1):
        up = torch.nn.functional.pad(some.T > 0, (0, 64 * words - len(spins))).unflatten(1, (words, 64))
        parts.append((up.long() << places).sum(2))
    return torch.cat(parts)


def _to_spins(words: Tensor, count: int) -> Tensor:
    """The first ``count`` replicas, int8, (count, N)."""
    places, parts = torch.arange(64, device=words.device), []
    for some in words.split(max(1, _SITES // words.shape[1])):
        up = ((some[:, :, None] >> places) & 1).flatten(1)[:, :count]
        parts.append((2 * up - 1).to(torch.int8).T)
    return torch.cat(parts, dim=1).contiguous()


class Bits:
    """A Hamiltonian of small integers on a device, for spins as bits."""

    def __init__(self, coded: Coded, device: torch.device) -> None:
        terms = coded.terms
        self.device, self.largest = device, max(1, int(terms.total.max(initial=0)))
        self.part = {
            name: torch.from_numpy(getattr(terms, name).astype(np.int64)).to(device)
            for name in ("ptr", "later", "other", "digits", "inverted", "total")
        }
        self.units = bool((terms.digits == 1).all())
        self.scales = torch.tensor([coded.lowest, 2 * coded.unit], dtype=torch.float64, device=device)

    def _terms(self, *names: str) -> list[Tensor]:
        return [self.part[name] for name in names]

    def thresholds(self, twice_beta: Tensor, words: int) -> Tensor:
        """7/8 exp(−2βm) for m = 1, 2, …, (rows, largest), or its digits, (rows, largest, DIGITS, words)."""
        m = torch.arange(1, self.largest + 1, dtype=torch.float64)
        share = 0.875 * torch.exp(-twice_beta.double()[:, None] * m[:, None])
        number = (share * 2.0**DIGITS + 0.5).to(torch.int64)  # (rows, largest, 1 or R)
        if number.shape[2] == 1:
            return number[:, :, 0].contiguous().to(self.device)
        number = number.to(self.device)
        missing = 64 * words - number.shape[2]
        number = torch.nn.functional.pad(number, (0, missing)).unflatten(2, (words, 64))
        places = torch.arange(64, device=self.device)
        made = [(((number >> (DIGITS - 1 - k)) & 1) << places).sum(3) for k in range(DIGITS)]
        return torch.stack(made, dim=2).contiguous()

    def sweeps(
        self,
        order: sweeping.SiteOrder,
        key: int,
        step: int,
        count: int,
        spins: Tensor,
        table: Tensor,
        flips: Tensor,
        counted: bool,
    ) -> None:
        """Sweeps in place, as :meth:`graphar.montecarlo.triton.sweeping.Rows.sweeps`.

        Args:
            table: thresholds of each sweep or of all.
            flips: to which flips made are added where they are ``counted``, int64, (parts, 64 words).
        """
        from graphar.montecarlo.triton.bits import bit_sweeps

        words = spins.shape[1]
        sites, row = order.table(step, count)
        table_row = table.stride(0) if len(table) > 1 else 0
        for s, sweeps, start, stop, part in order.launches(count, len(flips)):
            launch(
                bit_sweeps,
                (words // BLOCK, -(-(stop - start) // part)),
                *self._terms("ptr", "other", "digits", "inverted", "total"),
                signed(key),
                step + s,
                sites,
                row,
                table[s if table_row else 0 :],
                table_row,
                spins,
                flips,
                words,
                start,
                stop,
                part,
                sweeps,
                AT_RANDOM=order.at_random,
                UNITS=self.units,
                SHARED=table.dim() == 2,
                COUNT=counted,
                BLOCK=BLOCK,
            )

    def energies(self, spins: Tensor) -> Tensor:
        """Of spins as words, float64, (64 words,)."""
        from graphar.montecarlo.triton.bits import bit_energies

        n, words = spins.shape
        energy = torch.empty(64 * words, dtype=torch.float64, device=self.device)
        launch(
            bit_energies,
            (words // BLOCK,),
            *self._terms("ptr", "later", "other", "digits", "inverted"),
            self.scales,
            spins,
            energy,
            words,
            n,
            UNITS=self.units,
            BLOCK=BLOCK,
        )
        return energy


def advance_bits(
    bits: Bits,
    order: sweeping.SiteOrder,
    key: int,
    state: State,
    twice_beta: np.ndarray,
    sweeps: int,
    measure: int,
) -> tuple[Tensor, Info]:
    """Sweeps of replicas from a state: spins on the device, and what happened, on the host.

    Args:
        twice_beta: 2β × unit of each sweep or of all, and of each replica or of all, float32, (1 or sweeps, 1 or R).
    """
    count, n = state.spins.shape
    words = -(-count // (64 * BLOCK)) * BLOCK
    spins = _to_words(state.spins.to(bits.device), words)
    betas = torch.from_numpy(twice_beta)
    own = bits.largest * (64 * words if betas.shape[1] > 1 else 1) if len(betas) > 1 else 1
    most = max(1, sweeping.MAX_TABLE // max(n if order.at_random else 1, own))
    parts = sweeping.parts_of(order, words // BLOCK, bits.device)
    flips = torch.zeros(parts, 64 * words, dtype=torch.int64, device=bits.device)
    table, seen = bits.thresholds(betas[:1], words), list[Tensor]()
    for first, some, measured in sweeping.segments(sweeps, measure, most):
        if len(betas) > 1:
            table = bits.thresholds(betas[first : first + some], words)
        cut = some - 1 if first + some == sweeps else some  # flips of the last sweep are counted, by its own launch
        for begin, end, counted in ((0, cut, False), (cut, some, True)):
            if begin < end:
                rows = table[begin:end] if len(table) > 1 else table
                bits.sweeps(order, key, state.sweeps + 1 + first + begin, end - begin, spins, rows, flips, counted)
        if measured:
            seen.append(bits.energies(spins)[:count])
    energies = torch.stack(seen).cpu() if seen else torch.zeros(0, count, dtype=torch.float64)
    return _to_spins(spins, count), Info(energies, flips.sum(0)[:count].double().cpu() / n)
