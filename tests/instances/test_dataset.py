"""Data sets of instances: reproducible, never shared between splits, at home among PyG's, plain in what they refuse."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest
import torch
from dataset_families import BETAS, FAMILIES, RRG, SPLITS, same, same_sets
from torch.utils.data import ConcatDataset
from torch_geometric.data import InMemoryDataset
from torch_geometric.loader import DataLoader

import graphar as ga
from graphar.instances.dataset import InstanceDataset, instance_seed


@pytest.mark.parametrize("name", FAMILIES)
def test_items_are_valid_graphs_of_their_family_and_a_function_of_the_settings(name: str) -> None:
    options = FAMILIES[name]
    dataset = InstanceDataset(**options)
    assert isinstance(dataset, InMemoryDataset)
    assert len(dataset) == options["num_graphs"]
    assert same_sets(dataset, InstanceDataset(**options))
    builder = getattr(ga, options["family"])
    given = {key: value for key, value in options.items() if key not in ("family", "sizes", "num_graphs")}
    for index, graph in enumerate(dataset):
        graph.validate()
        assert (graph.beta.shape, graph.log_partition.shape) == ((1, 0), (1, 0))
        size = dataset.recipe.sizes[index % len(dataset.recipe.sizes)]
        alone = builder(size, **given, seed=instance_seed(0, "train", index))
        assert torch.equal(graph.edge_index, alone.edge_index)
        assert torch.equal(graph.edge_weight, alone.edge_weight)
        assert torch.equal(graph.h, alone.h)
        assert (graph.pos is None) == (alone.pos is None)
        assert graph.pos is None or torch.equal(graph.pos, alone.pos)


def test_seeds_of_instances_never_meet() -> None:
    edge = 2**32 - 1
    keys = [(s, split, i) for s in (0, 1, 2, 7, 2**40) for split in SPLITS for i in (0, 1, 2, 1000, edge - 1, edge)]
    seeds = [instance_seed(*key) for key in keys]
    assert len(set(seeds)) == len(keys)
    assert min(seeds) >= 2**32
    words = [tuple(np.random.SeedSequence(seed).generate_state(4)) for seed in seeds]  # what builders see of them
    assert len(set(words)) == len(keys)


def test_splits_and_seeds_share_no_instance() -> None:
    seen: set[bytes] = set()
    count = 0
    for seed in (0, 1):
        for split in SPLITS:
            dataset = InstanceDataset("grid", sizes=(6, 6), num_graphs=20, split=split, seed=seed)
            seen |= {graph.edge_weight.numpy().tobytes() for graph in dataset}
            count += 20
    assert len(seen) == count == 120


def test_couplings_of_different_instances_are_independent() -> None:
    J = torch.cat(
        [
            torch.stack(
                [graph.undirected()[2] for graph in InstanceDataset("grid", sizes=(8, 8), num_graphs=12, split=s)]
            )
            for s in SPLITS
        ]
    )
    overlap = (J @ J.T / J.shape[1])[torch.ones(36, 36).triu(1).bool()]
    assert overlap.abs().max() < 4.5 / J.shape[1] ** 0.5
    assert overlap.square().mean() * J.shape[1] == pytest.approx(1, abs=0.25)


def test_more_graphs_leave_the_earlier_ones_as_they_are() -> None:
    few, many = (InstanceDataset(**{**RRG, "num_graphs": n}, betas=BETAS) for n in (3, 7))
    assert same_sets(few, many[:3])


def test_global_random_numbers_are_neither_read_nor_moved() -> None:
    def states() -> list[Any]:
        return [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()]  # noqa: NPY002

    before = states()
    first = InstanceDataset(**RRG, betas=BETAS)
    assert states() == before
    state = torch.get_rng_state()
    torch.manual_seed(123)
    again = InstanceDataset(**RRG, betas=BETAS)
    torch.set_rng_state(state)
    assert same_sets(first, again)


@pytest.mark.parametrize("name", FAMILIES)
def test_graphs_come_back_from_a_batch(name: str) -> None:
    dataset = InstanceDataset(**FAMILIES[name], betas=BETAS)
    seen = 0
    for batch in DataLoader(dataset, batch_size=3):
        assert batch.log_partition.shape == batch.beta.shape == (batch.num_graphs, 2)
        spins = torch.ones(batch.num_spins)
        for graph, energy in zip(batch.to_data_list(), batch.energy(spins), strict=True):
            assert same(graph, dataset[seen], pos=False)
            assert energy == pytest.approx(float(dataset[seen].energy(torch.ones(graph.num_spins))))
            seen += 1
    assert seen == len(dataset)


def test_families_mix_in_one_loader() -> None:
    sets = [InstanceDataset(**options, betas=BETAS, seed=k) for k, options in enumerate(FAMILIES.values())]
    mixture = ConcatDataset(sets)
    expected = [graph for dataset in sets for graph in dataset]
    batch = next(iter(DataLoader(mixture, batch_size=len(expected))))
    assert all(same(a, b, pos=False) for a, b in zip(batch.to_data_list(), expected, strict=True))

    def order(seed: int) -> list[float]:
        loader = DataLoader(mixture, batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(seed))
        return torch.cat([batch.log_partition[:, 0] for batch in loader]).tolist()

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(float(graph.log_partition[0, 0]) for graph in expected)


@pytest.mark.parametrize("name", ["2D and 3D", "one graph"])
def test_subsets_copies_and_pickles_keep_everything(name: str) -> None:
    dataset = InstanceDataset(**FAMILIES[name], betas=BETAS)
    last = len(dataset) - 1
    assert same_sets(pickle.loads(pickle.dumps(dataset)), dataset)
    assert same_sets(dataset.copy(), dataset)
    for subset in (dataset[[last]], dataset.copy([last]), dataset[[last]].copy()):
        assert same(subset[0], dataset[last])
        assert subset.num_known == 2
        assert repr(subset).startswith("InstanceDataset(1 train graph, grid, ")
    assert torch.equal(dataset.log_partition, torch.cat([graph.log_partition for graph in dataset]))


def test_it_moves_as_a_whole_and_transforms_on_access() -> None:
    dataset = InstanceDataset(**FAMILIES["grids in 2D"], transform=lambda graph: graph.to(torch.float32))
    assert dataset[1].dtype == torch.float32
    assert dataset.get(1).dtype == torch.float64
    places = dataset[0].pos
    moved = dataset.to("meta")
    assert moved is dataset
    assert {moved.get(1).edge_weight.device.type, moved.get(1).pos.device.type} == {"meta"}
    assert places.device.type == "cpu"


def test_it_reads_well() -> None:
    assert repr(InstanceDataset(**RRG, split="validation", seed=4)) == (
        "InstanceDataset(5 validation graphs, random_regular, sizes=(8, 12), degree=3, couplings='pm1', seed=4)"
    )
    many = InstanceDataset("erdos_renyi", sizes=range(4, 10), num_graphs=1, mean_degree=2.0)
    assert "6 sizes from 4 to 9, mean_degree=2.0" in repr(many)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "petersen"}, "family must be one of 'grid'"),
        ({"family": ga.grid}, "family must be one of"),
        ({"sizes": ()}, "sizes must hold at least one size"),
        ({"sizes": 8.0}, "sizes must be an integer, got 8.0"),
        ({"sizes": (8, 0)}, "sizes must be at least 1, got 0"),
        ({"sizes": True}, "sizes must be an integer, got True"),
        ({"sizes": "8"}, "sizes must be an integer, got '8'"),
        ({"sizes": {8}}, "sizes must be numbers, names or sequences of them, got set"),
        ({"sizes": (7,)}, "degree must make num_spins"),
        ({"num_graphs": 0}, "num_graphs must be at least 1, got 0"),
        ({"num_graphs": 2.0}, "num_graphs must be an integer"),
        ({"num_graphs": 2**32 + 1}, r"index must be below 2\*\*32"),
        ({"split": "all"}, "split must be one of 'train', 'validation', 'test', got 'all'"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seed": None}, "seed must be an integer"),
        ({"betas": (0.5, -0.1)}, "betas must be numbers that are not negative"),
        ({"betas": (0.5, float("nan"))}, "betas must be finite"),
        ({"betas": [[0.5]]}, "betas must be numbers that are not negative"),
        ({"betas": "cold"}, "betas must hold real numbers"),
        ({"memory": 0}, "memory must be positive and finite, got 0"),
        ({"seconds": -1.0}, "seconds must be positive and finite, got -1.0"),
        ({"seconds": float("nan")}, "seconds must be positive and finite"),
        ({"length": 3}, "length must be one of the options of random_regular, degree, couplings, field"),
        ({"num_spins": 3}, "num_spins must be one of the options"),
        ({"couplings": torch.ones(3)}, "couplings must be numbers, names or sequences of them, got Tensor"),
        ({"couplings": "cauchy"}, "couplings must be a number, an array or one of"),
        ({"field": "weak"}, "field must be a number, an array or one of"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InstanceDataset(**{**RRG, **change})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "grid", "sizes": 8}, "sizes must be the shape of a lattice"),
        ({"family": "grid", "sizes": ((4, 4), 5)}, "sizes must be the shape of a lattice"),
        ({"family": "grid", "sizes": ((4, 4), ())}, "sizes must be the shape of a lattice"),
        ({"family": "grid", "sizes": (4, "4")}, "sizes must be an integer, got '4'"),
        ({"family": "grid", "sizes": (4, 4), "degree": 3}, "degree must be one of the options of grid"),
        ({"family": "grid", "sizes": (4, 4), "periodic": 1}, "periodic must be"),
        ({"family": "grid", "sizes": (4, 4), "couplings": 1.0}, "couplings or field must be one of 'pm1'"),
        ({"family": "triangular", "sizes": (4, 4), "couplings": "ferromagnet", "field": 1}, "couplings or field must"),
        ({"family": "triangular", "sizes": (4, 4, 4)}, "shape must be"),
        ({"family": "erdos_renyi", "sizes": 9}, "mean_degree must be given"),
    ],
)
def test_bad_arguments_of_families(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InstanceDataset(**options, num_graphs=1)
