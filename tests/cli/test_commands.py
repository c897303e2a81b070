"""The command line: what it prints, what it leaves behind, how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import graphar as ga
from graphar.cli import main
from graphar.cli.annealing import _exact
from graphar.heads.registry import HEADS
from graphar.instances.sources import open_graph

SHORT = ["--beta", "0.2", "0.8", "3", "--steps", "4", "--warmup", "2", "--batch-size", "32", "--samples", "300"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "grid:4x5,periodic=true,couplings=ferromagnet", "--picture", "order.png"]) == 0
    out = capsys.readouterr().out
    assert "20 spins, 40 couplings = 1" in out
    assert "levels" in out
    assert Path("order.png").read_bytes().startswith(b"\x89PNG")
    assert main(["info", "rrg:20,degree=3,seed=4", "--ordering", "all"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("natural", "nested_dissection", "random"))


def test_anneal_leaves_a_whole_run_and_sample_uses_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["anneal", "rrg:16,degree=3,seed=1", *SHORT, "--exact-width", "0"]) == 0
    out = capsys.readouterr().out
    folder = Path("runs/rrg_16_degree_3_seed_1-1")
    assert str(folder) in out
    assert "F, importance sampling" in out
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.pt",
        "metrics.jsonl",
        "run.png",
        "settings.json",
        "summary.json",
    ]
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [record["beta"] for record in records] == pytest.approx([0.2, 0.5, 0.8])
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["finished"]
    assert summary["final"]["beta"] == pytest.approx(0.8)
    assert summary["final"]["bound"]["stderr"] > 0
    spins = torch.tensor([1 if letter == "+" else -1 for letter in summary["best_spins"]])
    graph = open_graph("rrg:16,degree=3,seed=1")
    assert float(graph.energy(spins)) == summary["best_energy"]

    capsys.readouterr()
    assert main(["sample", str(folder), "-n", "50", "--out", "spins.npz"]) == 0
    captured = capsys.readouterr()
    assert "beta = 0.8" in captured.out
    assert "effective sample size" in captured.out
    assert not captured.err
    assert main(["sample", str(folder), "--beta", "0.5", "-n", "1", "--out", "other.npz"]) == 0
    assert "trained at beta = 0.8, not 0.5" in capsys.readouterr().err
    with np.load("other.npz") as data:
        assert int(data["seed"]) == 0
    with np.load("spins.npz") as data:
        assert data["spins"].shape == (50, 16)
        assert set(np.unique(data["spins"])) == {-1, 1}
        assert np.allclose(data["energy"], graph.energy(data["spins"]))
        log_q = ga.load(folder / "checkpoint.pt").at(0.8).log_prob(data["spins"]).detach()
        assert np.allclose(data["log_q"], log_q)
    assert main(["sample", str(folder / "checkpoint.pt"), "--beta", "0.8", "-n", "50", "--out", "spins.npy"]) == 0
    assert np.load("spins.npy").dtype == np.int8

    assert main(["anneal", "rrg:16,degree=3,seed=1", *SHORT, "--quiet"]) == 0
    assert Path("runs/rrg_16_degree_3_seed_1-2").is_dir()


def test_interrupted_and_resumed_equals_never_stopped() -> None:
    arguments = ["rrg:40,degree=3,seed=1", "--beta", "0.2", "0.8", "4", "--steps", "40", "--warmup", "0"]
    arguments += ["--batch-size", "64", "--samples", "300", "--exact-width", "0"]
    assert main(["anneal", *arguments, "--out", "whole"]) == 0
    # Ctrl-C as at a terminal, also where the tests run as a background job that ignores it
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import graphar.__main__ as m; "
    code += "raise SystemExit(m.main())"
    command = [sys.executable, "-W", "ignore", "-c", code, "anneal", *arguments, "--out", "part"]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while not Path("part/metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    exit_code = process.wait(60)
    finished = json.loads(Path("part/summary.json").read_text())["finished"]
    assert exit_code == (0 if finished else 130)
    assert main(["anneal", "--resume", "part"]) == 0

    def numbers(folder: str) -> list[dict]:
        lines = Path(folder, "metrics.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]

    assert numbers("part") == numbers("whole")
    summaries = [json.loads(Path(folder, "summary.json").read_text()) for folder in ("part", "whole")]
    assert summaries[0]["final"] == summaries[1]["final"]
    assert summaries[0]["best_spins"] == summaries[1]["best_spins"]


def test_convert_keeps_the_hamiltonian() -> None:
    assert main(["convert", "triangular:4x3,couplings=gaussian,field=uniform,seed=3", "a.edges"]) == 0
    assert main(["convert", "a.edges", "b.coo"]) == 0
    assert main(["convert", "b.coo", "c.npz"]) == 0
    a, c = ga.read("a.edges"), ga.read("c.npz")
    assert torch.equal(a.to_dense(), c.to_dense())
    assert torch.equal(a.h, c.h)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "nowhere.edges"], "nowhere.edges"),
        (["info", "grid:0x3"], "shape"),
        (["info", "grid:4x4,colour=red"], "colour"),
        (["info", "broken.edges"], "broken.edges"),
        (["anneal"], "give either a source or --resume"),
        (["anneal", "--resume", "nowhere"], "start again with the source"),
        (["anneal", "chain:4", "--beta", "0", "1", "3"], "beta must be positive"),
        (["anneal", "chain:4", "--beta", "a", "1", "3"], "--beta must be two numbers and a count"),
        (["anneal", "chain:4", "--out", "full"], "--out must be a new or empty folder"),
        (["sample", "broken.edges", "--beta", "1", "--out", "x.npy"], "not a file of format 'graphar checkpoint 3'"),
        (["anneal", "--resume", "full", "--steps", "3"], "got also steps"),
        (["anneal", "--resume", "odd"], "settings.json: not the settings of a run"),
        (["anneal", "chain:4", "--samples", "1", "--out", "made"], "samples must be at least 2"),
        (["anneal", "chain:4", "--learning-rate", "nan", "--out", "made"], "learning_rate must be positive"),
        (["anneal", "chain:4", "--seed", "18446744073709551616", "--out", "made"], "seed must be less than"),
        (["info", "foo:3"], "no file and no builder is called 'foo:3'"),
        (["convert", "chain:4", "nowhere/x.edges"], "no folder to write nowhere/x.edges in"),
        (["convert", "chain:4,field=1.0", "x.gset"], "field"),
        (["convert", "chain:4", "x.unknown"], "format"),
    ],
)
def test_failures_have_a_message_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.edges").write_text("# graphar edge list, base 0\n0 1 nan\n")
    Path("full").mkdir()
    Path("full/something").touch()
    Path("odd").mkdir()
    Path("odd/checkpoint.pt").touch()
    Path("odd/settings.json").write_text("{}")
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not Path("made").exists()


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["convert", "--help"], ["anneal", "--help"]):
        with pytest.raises(SystemExit) as done:
            main(arguments)
        assert done.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ga.io.FORMATS)
    assert "--resume" in out


def test_the_dial_from_a_shell() -> None:
    assert main(["anneal", "grid:6x6,couplings=pm1,seed=0", "--exact-width", "4", *SHORT, "--out", "run"]) == 0
    assert json.loads(Path("run/settings.json").read_text())["exact_width"] == 4
    model = ga.load("run/checkpoint.pt")
    assert model.core is not None
    assert 0 < model.core.num_spins < 36
    assert model.head_config == ga.heads.Linear("parents")
    assert main(["sample", "run", "-n", "20", "--out", "x.npz"]) == 0
    assert np.load("x.npz")["spins"].shape == (20, 36)


def test_by_default_all_sites_are_exact_that_tables_reach(capsys: pytest.CaptureFixture[str]) -> None:
    quick = [*SHORT, "--quiet"]
    assert main(["anneal", "rrg:30,seed=1", *quick, "--out", "narrow"]) == 0
    out = capsys.readouterr().out
    assert "0 weights" in out
    assert "30 exact sites, 0 learned" in out
    summary = json.loads(Path("narrow/summary.json").read_text())
    truth = ga.exact.eliminate(open_graph("rrg:30,seed=1"), 0.8).log_partition.item()
    assert summary["final"]["log_partition"]["value"] == pytest.approx(truth, rel=1e-6)

    assert main(["anneal", "grid:6x6,couplings=pm1", *quick, "--memory", "5e4", "--out", "little"]) == 0
    settings = json.loads(Path("little/settings.json").read_text())
    assert (settings["exact_width"], settings["memory"]) == ("auto", 5e4)
    model = ga.load("little/checkpoint.pt")
    assert 0 < model.exact_width < 6
    assert model.num_parameters > 0
    assert main(["anneal", "--resume", "little"]) == 0

    assert main(["anneal", "sk:30", *quick, "--out", "wide"]) == 0  # no table of 2^29 entries
    assert ga.load("wide/checkpoint.pt").core is None
    assert main(["anneal", "rrg:30,seed=1", *quick, "--head", "exact", "--out", "exact"]) == 0
    capsys.readouterr()
    assert main(["anneal", "grid:6x6", *quick, "--exact-width", "5", "--memory", "2e3", "--out", "more"]) == 2
    assert "exact_width must leave tables of at most memory=" in capsys.readouterr().err


@pytest.mark.parametrize("head", ["linear", "sk_1rsb"])
def test_the_rate_is_the_heads_own(head: str) -> None:
    some = [*SHORT, "--quiet", "--exact-width", "0", "--no-average"]
    assert main(["anneal", "sk:10", *some, "--head", head, "--out", "run"]) == 0
    run = torch.load("run/checkpoint.pt")["run"]["settings"]
    assert run["learning_rate"] == HEADS[head].learning_rate
    assert f"'lr': {run['learning_rate']}" in run["optimizer"]
    assert run["average"] is False


def test_an_exact_log_z_stands_beside_the_estimate_where_it_is_cheap(capsys: pytest.CaptureFixture[str]) -> None:
    # trained at once at low temperature, which loses states: nothing else in the summary shows it
    cold = ["--beta", "2", "2", "1", "--learning-rate", "0.1", "--steps", "100", "--warmup", "0", "--batch-size", "256"]
    cold += ["--exact-width", "0"]
    assert main(["anneal", "grid:4x4,couplings=pm1,seed=0", *cold, "--samples", "2000", "--out", "lost"]) == 0
    out = capsys.readouterr().out
    assert "errors know nothing of states that the model never draws" in out
    summary = json.loads(Path("lost/summary.json").read_text())
    exact, final = summary["exact"], summary["final"]
    truth = ga.exact.enumerate(open_graph("grid:4x4,couplings=pm1,seed=0"), 2.0).log_partition
    assert exact["log_partition"] == pytest.approx(truth, rel=1e-12)
    assert exact["difference"] == pytest.approx(final["log_partition"]["value"] - truth)
    assert exact["standard_errors"] == pytest.approx(abs(exact["difference"]) / final["log_partition"]["stderr"])
    assert exact["standard_errors"] > 10
    assert f"log Z by enumeration: {truth:.10g}; importance sampling is {exact['difference']:+.2g} from it, " in out

    assert main(["anneal", "sk:30", *SHORT, "--out", "wide"]) == 0
    assert json.loads(Path("wide/summary.json").read_text())["exact"] is None
    assert "importance sampling is" not in capsys.readouterr().out


def test_an_estimate_of_one_state_alone_has_no_error_to_count_in() -> None:
    model = ga.Autoregressive(ga.chain(4, couplings="ferromagnet"))
    result = replace(ga.free_energy(model.at(1.0), 50), log_partition=ga.Estimate(3.0, 0.0))
    exact = _exact(model, result)
    assert exact is not None
    assert exact["standard_errors"] is None
    assert exact["difference"] < -0.1
    json.dumps(exact, allow_nan=False)


@pytest.mark.parametrize("module", ["torch", "torch_geometric", "graphar.training.anneal"])
@pytest.mark.parametrize("start", ["import graphar.__main__ as m; main = m.main", "from graphar.cli import main"])
def test_ctrl_c_while_modules_load_is_one_line(module: str, start: str) -> None:
    # Ctrl-C as at a terminal, also where the tests run as a background job that ignores it
    code = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.addaudithook(lambda event, names: event == "import" and names[0] == {module!r} and os.kill(os.getpid(), 2))
{start}
raise SystemExit(main())
"""
    command = [sys.executable, "-W", "ignore", "-c", code, "anneal", "chain:4", "--out", "made"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "graphar: interrupted\n")
    assert not Path("made").exists()


def test_main_leaves_the_handler_of_ctrl_c_as_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert main(["info", "chain:4"]) == 0
    assert signal.getsignal(signal.SIGINT) is before
