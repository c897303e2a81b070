"""Annealing: it learns, it resumes identically, it keeps what it has."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator

import pytest
import torch

import graphar as ga
from graphar._support.seeds import hash_key
from graphar.training import variational_step
from graphar.training.schedules import as_schedule

GRAPH = ga.random_regular(16, degree=3, couplings="pm1", field=0.1, seed=1)
SHORT = {"steps": 6, "warmup": 4, "batch_size": 64, "progress": False}


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Ctrl-C as at a terminal, also where the tests run as a background job that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def fresh(**options) -> ga.Autoregressive:
    return ga.Autoregressive(GRAPH, **options)


def same(run: ga.Run, other: ga.Run) -> bool:
    def numbers(record: ga.BetaRecord) -> dict:
        return {name: value for name, value in vars(record).items() if name != "seconds"}

    return (
        [numbers(a) for a in run.history] == [numbers(b) for b in other.history]
        and run.best_energy == other.best_energy
        and torch.equal(run.best_spins, other.best_spins)
        and run.step == other.step
    )


def test_it_reaches_the_exact_free_energy() -> None:
    model = fresh()
    run = ga.anneal(model, ga.linear(0.1, 1.0, 10), steps=60, warmup=50, batch_size=512, progress=False)
    for record in run.history:
        exact = ga.exact.enumerate(GRAPH, record.beta)
        assert record.bound > exact.free_energy - 5 * record.bound_stderr
        assert abs(record.bound / exact.free_energy - 1) < 8e-3
        assert abs(record.log_partition - exact.log_partition) < 5 * record.log_partition_stderr
    assert run.best_energy == ga.exact.enumerate(GRAPH, 1.0).ground_energy
    assert float(GRAPH.energy(run.best_spins)) == run.best_energy
    untrained = ga.free_energy(fresh().at(1.0), 20_000).bound
    assert run.history[-1].bound < untrained.value - 10 * untrained.stderr


def test_same_seed_same_run_and_another_seed_another() -> None:
    runs = [ga.anneal(fresh(), [0.3, 0.6], seed=seed, **SHORT) for seed in (0, 0, 1)]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@pytest.mark.parametrize("stop_after", [1, 2])
def test_resuming_equals_never_stopping(tmp_path, stop_after: int) -> None:
    betas = [0.2, 0.4, 0.6]
    whole_model, model = fresh(), fresh()
    whole = ga.anneal(whole_model, betas, **SHORT)
    path = tmp_path / "run.pt"
    part = ga.anneal(model, betas, callbacks=[lambda run: len(run.history) == stop_after], checkpoint=path, **SHORT)
    assert len(part.history) == stop_after
    again = ga.load(path)
    rest = ga.anneal(again, betas, checkpoint=path, resume=path, **SHORT)
    assert same(rest, whole)
    for a, b in zip(again.parameters(), whole_model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.usefixtures("default_sigint")
def test_ctrl_c_ends_after_the_step_and_the_run_goes_on_identically(tmp_path) -> None:
    betas = [0.2, 0.4, 0.6]
    whole = ga.anneal(fresh(), betas, **SHORT)
    path = tmp_path / "run.pt"

    def press(run: ga.Run) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    part = ga.anneal(fresh(), betas, callbacks=[press], checkpoint=path, **SHORT)
    assert part.interrupted
    assert len(part.history) == 1
    assert "interrupted" in repr(part)
    assert math.isfinite(part.best_energy)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert same(ga.anneal(ga.load(path), betas, resume=path, **SHORT), whole)


@pytest.mark.usefixtures("default_sigint")
def test_a_second_ctrl_c_stops_at_once() -> None:
    def press_twice(run: ga.Run) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ga.anneal(fresh(), [0.2, 0.4], callbacks=[press_twice], **SHORT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_runs_in_other_threads() -> None:
    runs: list[ga.Run] = []
    thread = threading.Thread(target=lambda: runs.append(ga.anneal(fresh(), 0.3, **SHORT)))
    thread.start()
    thread.join()
    assert same(runs[0], ga.anneal(fresh(), 0.3, **SHORT))


def test_other_optimisers_and_clipping() -> None:
    model = fresh()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    ga.anneal(model, 0.5, optimizer=lambda p: torch.optim.SGD(p, lr=1e-3), clip_norm=1e-3, **SHORT)
    moved = sum(float((a - b).detach().square().sum()) for a, b in zip(model.parameters(), before, strict=True)) ** 0.5
    assert 0 < moved <= 10 * 1e-3 * 1e-3 * 1.01  # ten steps of clipped gradients


def test_what_cannot_be_resumed_says_why(tmp_path) -> None:
    path = tmp_path / "run.pt"
    ga.anneal(fresh(), [0.2, 0.4], checkpoint=path, **SHORT)
    with pytest.raises(ValueError, match=r"settings of the run, which had steps=6 \(now 7\)"):
        ga.anneal(fresh(), [0.2, 0.4], resume=path, **{**SHORT, "steps": 7})
    with pytest.raises(ValueError, match="its graph differs"):
        ga.anneal(ga.Autoregressive(ga.chain(16)), [0.2, 0.4], resume=path, **SHORT)
    with pytest.raises(ValueError, match="its ordering differs"):
        ga.anneal(fresh(ordering=ga.natural(GRAPH)), [0.2, 0.4], resume=path, **SHORT)
    ga.save(fresh(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="nothing to resume"):
        ga.anneal(fresh(), [0.2, 0.4], resume=tmp_path / "model.pt", **SHORT)
    data = path.read_bytes()
    for name, content in {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "text": b"hello",
        "zip": b"PK\x03\x04" + b"0" * 99,
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="not a file of format 'graphar checkpoint 3', or damaged"):
            ga.load(tmp_path / name)
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not a file of format"):
        ga.load(tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError):
        ga.load(tmp_path / "none.pt")
    state = torch.load(path) | {"format": "graphar checkpoint 2"}
    torch.save(state, tmp_path / "old.pt")
    message = "not a file of format 'graphar checkpoint 3', but of 'graphar checkpoint 2', which another version of"
    with pytest.raises(ValueError, match=message):
        ga.load(tmp_path / "old.pt")
    with pytest.raises(ValueError, match=message):
        ga.anneal(fresh(), [0.2, 0.4], resume=tmp_path / "old.pt", **SHORT)


def test_nothing_is_executed_when_a_file_is_read(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"format": "graphar checkpoint 3", "graph": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(ValueError, match="damaged"):
        ga.load(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    ga.save(fresh(), path)
    before = path.read_bytes()

    def fail(state, file) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        ga.save(fresh(), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def test_an_objective_that_is_not_finite_stops_the_run() -> None:
    model = fresh()
    with torch.no_grad():
        model.head.bias[0] = math.nan
    with pytest.raises(ValueError, match=r"got NaN or inf at beta = 0\.5, step 0"):
        ga.anneal(model, 0.5, **SHORT)


def test_schedules() -> None:
    assert ga.linear(0.1, 0.1, 1) == (0.1,)
    assert ga.geometric(0.1, 10, 3) == pytest.approx((0.1, 1.0, 10.0))
    assert as_schedule(torch.tensor([0.5, 1.0])) == (0.5, 1.0)
    for bad in ([], [0.0, 1.0], [-1.0], [math.nan], "1"):
        with pytest.raises(ValueError, match="beta must"):
            as_schedule(bad if bad != "1" else ["one"])
    with pytest.raises(ValueError, match="start and stop must be positive"):
        ga.geometric(0, 1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 1.5}, "steps must be an integer, got 1.5"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"clip_norm": -1.0}, "clip_norm must be positive"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_bad_arguments(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ga.anneal(fresh(), 0.5, **{**SHORT, **options})


def test_models_refuse_what_they_cannot_be() -> None:
    with pytest.raises(ValueError, match="graph must be an IsingGraph"):
        ga.Autoregressive(torch.eye(3))
    with pytest.raises(ValueError, match="ordering must be of this graph"):
        ga.Autoregressive(GRAPH, ordering=ga.natural(ga.chain(16)))
    with pytest.raises(ValueError, match="head must be a head"):
        ga.Autoregressive(GRAPH, head="linear")
    from torch_geometric.data import Batch

    with pytest.raises(ValueError, match="one graph, got a batch of 2"):
        ga.Autoregressive(Batch.from_data_list([GRAPH, GRAPH]))
    broken = GRAPH.clone()
    broken.edge_weight[0] += 1
    with pytest.raises(ValueError, match="edge_weight must be equal in both directions"):
        ga.Autoregressive(broken)


@pytest.mark.parametrize("wrong", [lambda: fresh().at(0.5), lambda: GRAPH, lambda: None])
def test_a_door_for_models_takes_models_alone(wrong, tmp_path) -> None:
    doors = {
        "anneal": lambda model: ga.anneal(model, 0.5, **SHORT),
        "save": lambda model: ga.save(model, tmp_path / "model.pt"),
        "natural": lambda model: ga.NaturalGradient([], model),
    }
    for use in doors.values():
        got = wrong()
        rest = "the distribution of one at its beta: pass model itself" if hasattr(got, "model") else type(got).__name__
        with pytest.raises(ValueError, match=f"model must be an Autoregressive, got {rest}"):
            use(got)
    assert not list(tmp_path.iterdir())


def test_an_ordering_of_the_same_edges_serves_other_couplings() -> None:
    other = ga.random_regular(16, degree=3, couplings="gaussian", seed=1)
    model = ga.Autoregressive(other, ordering=ga.natural(GRAPH), dtype=torch.float64)
    x = model.at(0.5).sample(5, seed=0)
    expected = next(model.at(0.5).draw(5, hash_key(0, "samples"))).energy
    torch.testing.assert_close(other.energy(x), expected)


def test_the_best_energy_of_the_records_is_that_of_the_run() -> None:
    run = ga.anneal(fresh(), [0.5, 1.0, 2.0], evaluate_samples=2000, **SHORT)
    energies = [record.best_energy for record in run.history]
    assert energies == sorted(energies, reverse=True)
    assert energies[-1] == run.best_energy == float(GRAPH.energy(run.best_spins))


def test_a_checkpoint_holds_the_last_beta_when_a_callback_ends_the_run_or_fails(tmp_path) -> None:
    ga.anneal(fresh(), 0.3, callbacks=[lambda run: True], checkpoint=tmp_path / "ended.pt", **SHORT)
    assert ga.load(tmp_path / "ended.pt").trained_beta == 0.3

    def fail(run: ga.Run) -> None:
        raise RuntimeError("callback")

    with pytest.raises(RuntimeError, match="callback"):
        ga.anneal(fresh(), [0.3, 0.6], callbacks=[fail], checkpoint=tmp_path / "failed.pt", **SHORT)
    rest = ga.anneal(fresh(), [0.3, 0.6], resume=tmp_path / "failed.pt", **SHORT)
    assert same(rest, ga.anneal(fresh(), [0.3, 0.6], **SHORT))


def test_numbers_of_numpy_are_kept_as_plain_ones(tmp_path) -> None:
    import numpy as np

    options = {"steps": np.int64(6), "warmup": np.int64(4), "batch_size": np.int64(64), "progress": False}
    options |= {"learning_rate": np.float64(1e-3), "clip_norm": np.float32(1.0)}
    ga.anneal(fresh(), np.array([0.2, 0.4]), seed=np.int64(1), checkpoint=tmp_path / "run.pt", **options)
    assert ga.load(tmp_path / "run.pt").num_spins == 16


def test_another_optimiser_is_another_setting(tmp_path) -> None:
    def sgd(rate: float):
        return lambda parameters: torch.optim.SGD(parameters, lr=rate)

    ga.anneal(fresh(), [0.2, 0.4], optimizer=sgd(1e-3), checkpoint=tmp_path / "run.pt", **SHORT)
    with pytest.raises(ValueError, match=r"optimizer=.SGD .*0\.001.*0\.5"):
        ga.anneal(fresh(), [0.2, 0.4], optimizer=sgd(0.5), resume=tmp_path / "run.pt", **SHORT)
    with pytest.raises(ValueError, match="LBFGS, which needs the objective"):
        ga.anneal(fresh(), 0.2, optimizer=torch.optim.LBFGS, **SHORT)


def test_divergence_is_said_aloud() -> None:
    with pytest.warns(UserWarning, match="training diverged"):
        ga.anneal(fresh(), [0.5, 2.0], learning_rate=1e3, **SHORT)


def test_it_trains_where_gradients_are_off() -> None:
    with torch.no_grad():
        assert same(ga.anneal(fresh(), 0.3, **SHORT), ga.anneal(fresh(), 0.3, **SHORT))


def test_moving_to_float64_takes_the_couplings_anew(tmp_path) -> None:
    graph = ga.random_regular(16, degree=3, couplings="gaussian", field="gaussian", seed=1)
    model = ga.Autoregressive(graph).double()
    again = ga.Autoregressive(graph, dtype=torch.float64)
    again.load_state_dict(model.state_dict())
    x, log_q = again.at(0.7).sample_with_log_prob(50, seed=0)
    with torch.no_grad():
        torch.testing.assert_close(model.at(0.7).log_prob(x), log_q, rtol=0, atol=1e-12)
    assert torch.equal(model.at(0.7).sample(50, seed=0), x)
    assert model.float().dtype == torch.float32
    with pytest.raises(ValueError, match=r"dtype must be torch\.float32 or torch\.float64, got torch\.float16"):
        model.half()
    for dtype in (torch.bfloat16, torch.int64, float):
        with pytest.raises(ValueError, match="dtype must be"):
            ga.Autoregressive(graph, dtype=dtype)


def test_a_model_keeps_the_graph_it_was_made_for() -> None:
    graph = ga.chain(6, couplings="ferromagnet")
    model = ga.Autoregressive(graph, ordering=ga.bfs)
    graph.edge_weight.mul_(2)
    assert float(model.graph.energy(torch.ones(6))) == -5
    with pytest.raises(ValueError, match=r"in the range of torch\.float32"):
        ga.Autoregressive(ga.chain(3, couplings=[1e39, 1.0]))


def test_the_gradient_is_as_sparse_as_the_pairs() -> None:
    # 10^5 spins: a dense gradient would take 80 GB

    model = ga.Autoregressive(ga.grid((316, 316), seed=0), ordering=ga.nested_dissection)
    variational_step(model.at(0.5), 4, torch.Generator().manual_seed(0))
    assert model.head.weight.grad.shape == model.head.weight.shape
    assert bool(torch.isfinite(model.head.weight.grad).all())


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = ga.anneal(fresh(), [0.2, 0.4], callbacks=[lambda run: os.kill(os.getpid(), signal.SIGINT)], **SHORT)
        assert not run.interrupted
        assert len(run.history) == 2
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("kernel", ["reference", "numba"])
def test_a_batch_in_chunks_has_the_gradient_of_the_whole(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = ga.grid((4, 4), couplings="gaussian", seed=1)
    model = ga.Autoregressive(graph, kernel=kernel, dtype=torch.float64)
    steps = []
    for held in (2**28, 1):
        monkeypatch.setattr("graphar.models.distribution._HELD", held)
        model.zero_grad()
        steps.append((variational_step(model.at(0.7), 200, torch.Generator().manual_seed(0)), model.head.weight.grad))
    assert torch.equal(steps[0][0].best_spins, steps[1][0].best_spins)
    torch.testing.assert_close(steps[0][0].loss, steps[1][0].loss, rtol=1e-13, atol=0)
    torch.testing.assert_close(steps[0][1], steps[1][1], rtol=1e-11, atol=1e-13)
