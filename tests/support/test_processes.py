"""Laws of runs that several processes share: nothing tells how many there were."""

import math
import os
import platform
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import several_processes
import torch
from fresh_process import run_program
from several_processes import everything, trained

import graphar
from graphar._support.digests import digest
from graphar._support.group import LONE, Group, ProcessLost
from graphar._support.processes import joined, naming_checkpoint

SCRIPT = Path(several_processes.__file__)
AT_NO_ADDRESS = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(graphar.__file__).parents[1]), "OMP_NUM_THREADS": "1"}


def torchrun(processes: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    done = torchrun(2, SCRIPT, "everything", tmp_path / "found.pt")
    assert done.returncode == 0, done.stderr[-3000:]
    zero, one = (torch.load(tmp_path / f"found.{rank}") for rank in range(2))
    found, rounded = everything()
    for name, values in found.items():
        assert torch.equal(zero["found"][name], values), name
    for name, values in rounded.items():
        near = 1e-10 if values.dtype == torch.float64 else 1e-5
        torch.testing.assert_close(zero["inexact"][name], values, rtol=near, atol=near, msg=name)
    said = zero["said"]
    assert (said.pop("rank"), one["said"].pop("rank")) == ("0", "1")
    assert "graph must be the same on all 2 processes, got another on process 1" in said["graph"]
    assert "num_samples must be the same" in said["samples"]
    assert "processes must make the same calls in the same order" in said["calls"]
    assert "sampler must be one whose replicas can be divided among 2 processes" in said["replicas"]
    assert "beta F must stay finite, got NaN or inf at beta = 1, step 1" in said["nan"]
    assert one["said"]["nan"] == said["nan"]
    timed = zero["timed"]
    assert one["timed"] == timed  # though the clock of process 1 goes twice as fast
    assert timed["codes"] == [0, 0, 0, 0]
    assert timed["late"][1:] == [True, True]
    for apart, error in zip(timed["apart"], timed["errors"], strict=True):
        assert abs(apart) < 5 * error  # which is small where there was time
    assert (done.stdout.count("run folder"), done.stdout.count("lowest energy met")) == (3, 2)
    assert sorted(path.name for path in (tmp_path / "free").iterdir()) == [
        "free_energy.png", "settings.json", "summary.json",
    ]  # fmt: skip
    assert (tmp_path / "z.pt").exists()
    assert (tmp_path / "spins.npy").exists()


def test_a_killed_process_ends_all_and_its_run_goes_on(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    said = run_program(SCRIPT, "killed", str(checkpoint), "7", folder=tmp_path)  # two steps after the first checkpoint
    assert "process 0: ProcessLost: another process of the run has ended or hangs, so this one ends too" in said
    assert "process 1 is no more" in said or "Connection" in said  # by a lock that is free, or by a socket that is shut
    assert f"go on from the checkpoint {checkpoint}" in said
    assert f"[1, {-signal.SIGKILL}]" in said
    sgd = {"optimizer": lambda p: torch.optim.SGD(p, 0.01)}
    model, run = trained(**sgd, resume=checkpoint)
    whole, uninterrupted = trained(**sgd)
    for weight, other in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(weight, other, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(run.trace.energy, uninterrupted.trace.energy, rtol=1e-10, atol=1e-10)


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="done on Linux on x86-64 alone")
def test_what_goes_through_memory_comes_out_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphar._support import shared_memory

    monkeypatch.setattr(shared_memory, "FOLDER", str(tmp_path))
    monkeypatch.setattr(shared_memory, "MOST", 2**15)  # slots of a page: messages take several turns
    words: dict[str, Queue[str]] = defaultdict(Queue)
    world, sizes = 3, (0, 8, 4096, 4104, 40_000, 8)
    given = [[np.random.default_rng([rank, size]).normal(size=size // 8) for size in sizes] for rank in range(world)]

    def hear(name: str) -> str:
        word = words[name].get(timeout=60)
        words[name].put(word)  # for others
        return word

    def talk(rank: int) -> list[tuple[np.ndarray, np.ndarray]]:
        exchange = shared_memory.open_exchange(rank, world, lambda name, word: words[name].put(word), hear, 60.0)
        assert exchange is not None
        found = [(exchange.gather(part.view(np.uint8)), exchange.sum(part)) for part in given[rank]]
        with pytest.raises(shared_memory.Gone, match="messages of other lengths"):
            exchange.gather(np.zeros(rank, np.uint8))
        return found

    with ThreadPoolExecutor(world) as pool:
        for found in pool.map(talk, range(world)):
            for k, (gathered, total) in enumerate(found):
                parts = [given[rank][k] for rank in range(world)]
                assert np.array_equal(gathered, [part.view(np.uint8) for part in parts])
                assert np.array_equal(total, parts[0] + parts[1] + parts[2])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [2, 63, 64, 65, 700, 4096])
def test_no_two_processes_share_a_sample(count: int) -> None:
    for world in (1, 2, 3, 4, 8, 13):
        shares = [Group(rank, world).share(count) for rank in range(world)]
        assert [number for share in shares for number in share] == list(range(count))


def test_values_that_differ_have_other_digests() -> None:
    spins = np.ones((60, 60), np.int8)
    other = spins.copy()
    other[30, 30] = -1  # where a repr shows dots
    for one, two in ((spins, other), (torch.from_numpy(spins), torch.from_numpy(other)), ([1, [2]], [[1], 2])):
        assert digest(one) == digest(one)
        assert digest(one) != digest(two)


@pytest.mark.parametrize(
    ("environment", "rule"),
    [
        ({"WORLD_SIZE": "2"}, "RANK must be set where WORLD_SIZE is"),
        ({"WORLD_SIZE": "2", "RANK": "x"}, "RANK must be set .*it is a whole number; got 'x'"),
        (AT_NO_ADDRESS | {"RANK": "2"}, "RANK must be less than WORLD_SIZE"),
        (AT_NO_ADDRESS | {"GRAPHAR_JOIN_SECONDS": "0"}, "GRAPHAR_JOIN_SECONDS must be a positive number of seconds"),
    ],
)
def test_half_an_environment(environment: dict[str, str], rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=rule):
        joined()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_process_that_nobody_joins_gives_up(rank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    told = {"WORLD_SIZE": "2", "RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in (told | {"GRAPHAR_JOIN_SECONDS": "0.3"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProcessLost, match=f"process {rank} has waited 0.3 s for all 2 processes, and not all have"):
        joined()


def test_who_is_left_says_where_the_work_is(tmp_path: Path) -> None:
    written = tmp_path / "run.pt"
    for path, kept in ((None, "no checkpoint was asked for"), (written, "no checkpoint was written yet")):
        with pytest.raises(ProcessLost, match=kept), naming_checkpoint(path):
            raise ProcessLost("gone")
    written.touch()
    with pytest.raises(ProcessLost, match="gone; go on from the checkpoint "), naming_checkpoint(written):
        raise ProcessLost("gone")


def test_a_lone_process_joins_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert joined() is LONE
    monkeypatch.setenv("WORLD_SIZE", "2")
    with graphar.alone():
        assert joined() is LONE
    assert not LONE.any(False)
    assert LONE.lowest(math.inf, torch.ones(2))[0] == math.inf
