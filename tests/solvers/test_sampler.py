"""The sampler for dimod does what dimod asks of samplers."""

from __future__ import annotations

import unittest

import numpy as np
import pytest

from graphar.solvers import GrapharSampler

dimod = pytest.importorskip("dimod")


@dimod.testing.load_sampler_bqm_tests(GrapharSampler)
class TestConformance(unittest.TestCase):
    def test_api(self) -> None:
        dimod.testing.assert_sampler_api(GrapharSampler())


def glass(vartype: str = "SPIN") -> dimod.BinaryQuadraticModel:
    bqm = dimod.generators.ran_r(1, 80, seed=3)
    bqm = bqm.relabel_variables({v: ("site", v) for v in bqm.variables}, inplace=False)
    return bqm.change_vartype(vartype, inplace=False)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_energies_seeds_and_info(vartype: str) -> None:
    bqm = glass(vartype)
    found = [GrapharSampler().sample(bqm, num_reads=4, seed=5, steps=1, time_limit=None) for _ in range(2)]
    assert found[0].first == found[1].first
    assert 1 <= len(found[0]) <= 4
    dimod.testing.assert_sampleset_energies(found[0], bqm)
    assert len(set(found[0].record.energy.round(6))) == 1
    assert set(found[0].info) == {"bound", "optimal", "method", "seconds", "time_to_best", "reason"}
    assert found[0].info["bound"] <= found[0].first.energy


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("of", ["SPIN", "BINARY"])
def test_initial_states_are_begun_with(vartype: str, of: str) -> None:
    bqm = glass(vartype)
    good = GrapharSampler().sample(bqm, steps=1, time_limit=None)
    backwards = good.change_vartype(of, inplace=False)
    states = dimod.SampleSet.from_samples(
        [dict(reversed(list(backwards.first.sample.items())))], vartype=of, energy=[0.0]
    )
    again = GrapharSampler().sample(bqm, time_limit=0, initial_states=states)
    assert again.first.sample == good.first.sample
    random = GrapharSampler().sample(
        bqm, time_limit=0, initial_states=states, initial_states_generator="random", num_reads=3, seed=1
    )
    assert random.first.energy <= good.first.energy + 1e-9
    with pytest.raises(ValueError, match="variables"):
        GrapharSampler().sample(bqm, initial_states={"other": 1})


def test_limits_and_what_is_unknown() -> None:
    bqm = glass()
    assert GrapharSampler().sample(bqm, time_limit=0.5).info["seconds"] < 5.5
    assert GrapharSampler().sample(bqm, target=0.0, time_limit=20).info["reason"] == "target"
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning):
        GrapharSampler().sample(dimod.BQM({"a": 1.0}, {}, 0.0, "SPIN"), beta_range=[0, 1])
    with pytest.raises(ValueError, match="linear"):
        GrapharSampler().sample(dimod.BQM({"a": np.nan}, {}, 0.0, "SPIN"))
    with pytest.raises(ValueError, match="num_reads"):
        GrapharSampler().sample(bqm, num_reads=0)


def test_a_composite_of_dimod_takes_it() -> None:
    triple = {("a", "b", "c"): 1.0, ("a",): 0.5}
    found = dimod.HigherOrderComposite(GrapharSampler()).sample_hising({"a": 0.5}, {("a", "b", "c"): 1.0}, time_limit=5)
    assert found.first.energy == -1.5 == dimod.BinaryPolynomial(triple, "SPIN").energy(found.first.sample)
