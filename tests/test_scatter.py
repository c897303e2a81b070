"""With torch-scatter and without: PyG's reductions, which energies and fields use, give the same numbers."""

from __future__ import annotations

import pytest
import torch
import torch_geometric.typing
from torch_geometric.data import Batch

import graphar as ga

torch_scatter = pytest.importorskip("torch_scatter")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_parity(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch_geometric.typing.WITH_TORCH_SCATTER
    graphs = [ga.random_regular(60, degree=3, couplings="gaussian", field="gaussian", seed=k).to(dtype) for k in (0, 1)]
    batch = Batch.from_data_list(graphs)
    spins = torch.randint(0, 2, (50, 60), generator=torch.Generator().manual_seed(0)).to(dtype) * 2 - 1
    edges = torch.randint(0, 60, (2, 400), generator=torch.Generator().manual_seed(1))
    edges = edges[:, edges[0] != edges[1]]
    weights = torch.linspace(-1, 1, edges.shape[1], dtype=dtype)

    def numbers() -> list[torch.Tensor]:
        summed = ga.IsingGraph.from_edges(edges, weights, num_nodes=60, duplicates="sum")
        return [
            graphs[0].energy(spins),
            graphs[0].local_fields(spins),
            graphs[0].flip_delta(spins),
            batch.energy(torch.cat([spins, -spins], dim=1)),
            summed.edge_weight,
        ]

    installed = numbers()
    monkeypatch.setattr(torch_geometric.typing, "WITH_TORCH_SCATTER", False)
    for a, b in zip(installed, numbers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12 if dtype == torch.float64 else 1e-5, atol=1e-6)


def test_its_own_sums_agree() -> None:
    graph = ga.sherrington_kirkpatrick(40, field="gaussian", seed=2)
    spins = torch.randint(0, 2, (20, 40), generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    source, target = graph.edge_index
    fields = torch_scatter.scatter(spins[:, source] * graph.edge_weight, target, dim=-1, reduce="sum") + graph.h
    torch.testing.assert_close(graph.local_fields(spins), fields, rtol=1e-12, atol=1e-12)
