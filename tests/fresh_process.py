"""Python programs beside the tests: in processes of their own, or one after another in a process that they share.

torch and PyG take seconds to import, and compiled loops as long to load, in each of some sixty programs. Programs of
their own are forked from a process that has imported what graphar stands on, and import graphar anew. Those that share
a process share graphar and its compiled loops too; each is ``__main__`` with arguments, a folder and output of its own.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["run_code", "run_program"]

SERVER = """
import contextlib, json, os, runpy, sys, traceback, warnings
import numba, torch, torch_geometric, torch_geometric.data, torch_geometric.loader, torch_geometric.nn
jobs, answers, path = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w"), sys.path[1:]

def enter(job):
    for stream, name in enumerate((os.devnull, job["out"], job["err"])):
        opened = os.open(name, os.O_WRONLY if stream else os.O_RDONLY)
        os.dup2(opened, stream)
        os.close(opened)
    os.chdir(job["folder"])
    sys.argv = [job["program"], *job["arguments"]]
    sys.path[:] = [os.path.dirname(job["program"]), *path]

def run(job):
    status = 1
    try:
        runpy.run_path(job["program"], run_name="__main__")
        status = 0
    except SystemExit as exit:
        status = exit.code if isinstance(exit.code, int) else int(bool(exit.code))
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return status

def forked(job):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            enter(job)
            status = run(job)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def shared(job):
    kept = set(sys.modules)
    threads, environment = torch.get_num_threads(), dict(os.environ)
    with warnings.catch_warnings():
        enter(job)
        status = run(job)
    for name in set(sys.modules) - kept:  # what lies beside a program is another's by the same name
        if str(getattr(sys.modules[name], "__file__", None)).startswith(sys.path[0] + os.sep):
            del sys.modules[name]
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    torch.set_num_threads(threads)
    os.environ.clear()
    os.environ.update(environment)
    return status

for line in jobs:
    job = json.loads(line)
    print((shared if job["shared"] else forked)(job), file=answers, flush=True)
"""
_servers: dict[bool, subprocess.Popen[str]] = {}


def run_program(program: Path, *arguments: str, folder: Path, seconds: float = 300, shared: bool = False) -> str:
    """What a program prints, started in a folder; it must end well, and in time."""
    server = _servers.get(shared)
    if server is None or server.poll() is not None:
        environment = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
        server = _servers[shared] = subprocess.Popen(
            [sys.executable, "-c", SERVER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        job = {"program": str(program), "arguments": arguments, "folder": str(folder), "shared": shared}
        print(json.dumps({**job, "out": out.name, "err": err.name}), file=server.stdin, flush=True)
        if not select.select([server.stdout], [], [], seconds)[0]:
            server.kill()
            server.wait()  # else the next program would be sent to it
            raise AssertionError(f"{program.name} runs longer than {seconds} s:\n{out.read()}\n{err.read()}")
        status = server.stdout.readline().strip()
        assert status == "0", f"{program.name} ended with {status or 'its server'}:\n{err.read()}"
        return out.read()


def run_code(code: str, folder: Path, seconds: float = 120) -> str:
    """What a piece of code prints, run in a folder by a process of its own."""
    program = folder / "program.py"
    program.write_text(code, encoding="utf-8")
    return run_program(program, folder=folder, seconds=seconds)
