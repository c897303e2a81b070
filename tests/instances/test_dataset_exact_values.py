"""log Z of data sets: exact where it says so, NaN where it is out of reach."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from dataset_families import BETAS, FAMILIES, PLANAR

import graphar as ga
from graphar.instances.dataset import InstanceDataset


@pytest.mark.parametrize("name", FAMILIES)
def test_log_partition_equals_enumeration(name: str) -> None:
    dataset = InstanceDataset(**FAMILIES[name], betas=BETAS, split="test", seed=3)
    assert dataset.num_known == 2 * len(dataset)
    for graph in dataset:
        assert graph.beta.tolist() == [list(BETAS)]
        assert graph.log_partition.dtype == torch.float64
        for k, beta in enumerate(BETAS):
            exact = ga.exact.enumerate(graph, beta).log_partition
            assert float(graph.log_partition[0, k]) == pytest.approx(exact, abs=1e-11)


@pytest.mark.parametrize(
    "options",
    [
        {"family": "grid", "sizes": ((4, 4), (5, 3))},
        {"family": "grid", "sizes": (4, 5), "periodic": (True, False), "couplings": "gaussian"},  # a cylinder
        {"family": "grid", "sizes": (4, 5, 1), "couplings": "gaussian"},
        {"family": "triangular", "sizes": (4, 4), "couplings": "gaussian"},
        {"family": "random_regular", "sizes": 12, "degree": 2},  # rings
    ],
)
def test_planar_graphs_without_field_need_no_elimination(options: dict[str, Any]) -> None:
    dataset = InstanceDataset(**options, num_graphs=2, betas=BETAS, **PLANAR)
    exact = InstanceDataset(**options, num_graphs=2, betas=BETAS)
    assert dataset.num_known == exact.num_known == 4
    assert (dataset.log_partition - exact.log_partition).abs().max() < 1e-9
    assert not torch.equal(dataset.log_partition, exact.log_partition)  # by another way


def test_out_of_reach_is_nan_and_counted() -> None:
    torus = {"family": "grid", "sizes": ((5, 5), (2, 2)), "num_graphs": 3, "periodic": True, "betas": BETAS}
    for limits in (PLANAR, {"memory": 4000}):
        dataset = InstanceDataset(**torus, **limits)
        assert dataset.log_partition.isnan().tolist() == [[True] * 2, [False] * 2, [True] * 2]  # 2×2 is a ring
        assert dataset.num_known == 2
        assert dataset[[1]].num_known == 2
        assert dataset[[0, 2]].num_known == 0
        assert "log Z at betas=(0.3, 1.1): 2 of 6)" in repr(dataset)
    field = InstanceDataset("grid", sizes=(4, 4), num_graphs=1, field="pm1", betas=BETAS, **PLANAR)
    assert field.num_known == 0


def test_temperatures_that_rounding_forbids_are_nan_alone() -> None:
    pytest.importorskip("pymatching")
    dataset = InstanceDataset("grid", sizes=(32, 32), num_graphs=1, betas=(0.5, 20.0), **PLANAR)
    assert dataset.log_partition.isnan().tolist() == [[False, True]]


def test_a_missing_extra_is_an_error_and_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pymatching", None)
    with pytest.raises(ImportError, match="pymatching"):
        InstanceDataset("grid", sizes=(32, 32), num_graphs=1, betas=(0.5, 20.0), **PLANAR)
