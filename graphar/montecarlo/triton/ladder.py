"""Rounds of parallel tempering on a device: all systems stay there from the first sweep to the last."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from graphar.montecarlo.triton import sweeping
from graphar.montecarlo.triton.columns import column_of, gathered, to_columns
from graphar.montecarlo.triton.launching import launch, signed

__all__ = ["LadderOnDevice"]

_PAIRS = 32
_SITES = 256


class LadderOnDevice:
    """Systems of replicas at all β.

    Args:
        rows: the Hamiltonian on the device.
        order: of the sites, there.
        ladder, places, spins: as the compiled rounds take them.
    """

    def __init__(
        self, rows: sweeping.Rows, order: sweeping.SiteOrder, ladder: Any, places: Any, spins: np.ndarray
    ) -> None:
        self._rows, self._order, self._ladder, self._places = rows, order, ladder, places
        device = self._device = rows.device
        blocks, m, size = places.lane.shape
        self._width, n = spins.shape[2], spins.shape[1]
        room = -(-self._width // 64) * 64  # random bits of a block are those of whole groups
        self._count = blocks * room
        columns = -(-self._count // sweeping.BLOCK) * sweeping.BLOCK
        given = torch.ones(blocks, room, n, dtype=torch.int8)
        given[:, : self._width] = torch.from_numpy(spins).transpose(1, 2).to(torch.int8)
        self._spins = to_columns(given.flatten(0, 1).to(device), columns)
        lanes = torch.from_numpy(places.lane) + room * torch.arange(blocks)[:, None, None]
        self._column = column_of(torch.arange(self._count))
        self._lanes = self._column[lanes].reshape(blocks * m, size).to(device)
        self._next = torch.empty_like(self._lanes)
        self._came_from = torch.zeros(columns, dtype=torch.int32, device=device)
        self._trips = torch.zeros(blocks * m, dtype=torch.int64, device=device)
        self._counts = torch.zeros(6, blocks * m, size, dtype=torch.int64, device=device)
        parts = sweeping.parts_of(order, columns // sweeping.BLOCK, device)
        self._flips = torch.zeros(parts, columns, dtype=torch.int64, device=device)
        self._best_energy = torch.full((blocks * m,), float("inf"), dtype=torch.float64, device=device)
        self._best = torch.ones(blocks * m, n, dtype=torch.int8, device=device)
        self._betas = torch.from_numpy(ladder.betas).to(device)
        self._twice_beta = torch.from_numpy(ladder.twice_beta).to(device)
        self._beta = torch.zeros(1, columns, dtype=torch.float32, device=device)
        self._beta[0, self._lanes] = self._twice_beta.expand(blocks * m, size)
        self._with_clusters = ladder.clusters < size
        if self._with_clusters:
            self._ptr, self._neighbour = (
                torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in (ladder.ptr, ladder.neighbour)
            )
            self._pairs = blocks * (m // 2) * size
            self._marks = torch.zeros(n, -(-self._pairs // _PAIRS) * _PAIRS, dtype=torch.int8, device=device)

    def advance(self, step: int, rounds: int) -> np.ndarray:
        """Energies at each β of each system before the swaps of each round, (rounds, T, systems)."""
        ladder, (systems, size) = self._ladder, self._lanes.shape
        energies = torch.empty(rounds, size, systems, dtype=torch.float64, device=self._device)
        key, _, exchanges, _ = map(int, ladder.keys)
        for r in range(rounds):
            now = step + r * ladder.sweeps
            self._rows.sweeps(self._order, key, now, ladder.sweeps, self._spins, self._beta, self._flips)
            if self._with_clusters:
                self._exchange_clusters(exchanges, now)
            self._exchange_temperatures(exchanges, now, energies[r])
            self._lanes, self._next = self._next, self._lanes
        return energies.cpu().numpy()

    def _numbers(self, key: int, step: int, shifts: bool) -> tuple[int, int, int]:
        return signed(key), step, step // self._ladder.sweeps % 2 if shifts else 0

    def _exchange_clusters(self, key: int, step: int) -> None:
        from graphar.montecarlo.triton.exchanges import exchange_clusters

        m, (n, room) = self._places.lane.shape[1], self._marks.shape
        launch(
            exchange_clusters,
            (room // _PAIRS,),
            *self._numbers(key, step, m > 2),
            self._ptr,
            self._neighbour,
            self._spins,
            self._lanes,
            self._counts[5],
            self._marks,
            room,
            self._pairs,
            m,
            n,
            self._spins.shape[1],
            SYMMETRIC=bool(self._ladder.symmetric),
            T=self._lanes.shape[1],
            BLOCK=_PAIRS,
        )

    def _exchange_temperatures(self, key: int, step: int, energies: torch.Tensor) -> None:
        from graphar.montecarlo.triton.exchanges import exchange_temperatures

        (systems, size), (n, columns) = self._lanes.shape, self._spins.shape
        launch(
            exchange_temperatures,
            (systems,),
            *self._numbers(key, step, True),
            self._betas,
            self._twice_beta,
            self._rows.energies(self._spins),
            self._spins,
            self._lanes,
            self._next,
            self._came_from,
            self._trips,
            self._counts,
            self._flips,
            self._best_energy,
            self._best,
            energies,
            self._beta,
            systems,
            n,
            columns,
            len(self._flips),
            T=size,
            SIZE=1 << (size - 1).bit_length(),
            SITES=_SITES,
        )

    def forget(self) -> None:
        """Counts begin here; the lowest energy and where lanes came from stay as the compiled rounds have them."""
        self._counts.zero_()
        self._trips.zero_()

    @property
    def best_energy(self) -> np.ndarray:
        """Lowest met of each system."""
        return self._best_energy.cpu().numpy()

    def read(self) -> tuple[np.ndarray, Any]:
        """Spins (blocks, N, width) and places as the compiled rounds have them."""
        blocks, m, size = self._places.lane.shape
        room = self._count // blocks
        spins = gathered(self._spins, self._count).cpu().unflatten(1, (blocks, room))[:, :, : self._width]
        replica = torch.empty(self._spins.shape[1], dtype=torch.int64)
        replica[self._column] = torch.arange(self._count)
        lane = (replica[self._lanes.cpu()] % room).reshape(blocks, m, size)
        from_hot, from_cold, swapped, tried, flips, clusters = self._counts.cpu().unflatten(1, (blocks, m)).sum(2)
        came = gathered(self._came_from, self._count).cpu().reshape(blocks, room)[:, : self._width]
        places = self._places._replace(
            lane=lane.numpy(),
            came_from=came.to(torch.int8).numpy(),
            trips=self._trips.cpu().reshape(blocks, m).numpy(),
            from_hot=from_hot.numpy(),
            from_cold=from_cold.numpy(),
            swapped=swapped[:, :-1].numpy(),
            tried=tried[:, :-1].numpy(),
            flips=flips.numpy(),
            cluster_sites=clusters.numpy(),
            best_energy=self._best_energy.cpu().reshape(blocks, m).numpy(),
            best=self._best.cpu().reshape(blocks, m, -1).numpy(),
        )
        return spins.transpose(0, 1).contiguous().float().numpy(), places
