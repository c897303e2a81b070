"""Python programs in processes of their own, forked from one that has already imported what graphar stands on.

torch and PyG take seconds to import, in each of some forty programs; graphar itself each imports anew.
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
import json, os, runpy, sys, traceback
import numba, torch, torch_geometric, torch_geometric.data, torch_geometric.loader, torch_geometric.nn
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(job["out"], os.O_WRONLY), 1)
            os.dup2(os.open(job["err"], os.O_WRONLY), 2)
            os.chdir(job["folder"])
            sys.argv = [job["program"], *job["arguments"]]
            sys.path[0] = os.path.dirname(job["program"])
            runpy.run_path(job["program"], run_name="__main__")
            status = 0
        except SystemExit as exit:
            status = exit.code if isinstance(exit.code, int) else int(bool(exit.code))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
_server: subprocess.Popen[str] | None = None


def run_program(program: Path, *arguments: str, folder: Path, seconds: float = 300) -> str:
    """What a program prints, started in a folder; it must end well, and in time."""
    global _server
    if _server is None or _server.poll() is not None:
        environment = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
        _server = subprocess.Popen(
            [sys.executable, "-c", SERVER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert _server.stdin is not None
    assert _server.stdout is not None
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        job = {"program": str(program), "arguments": arguments, "folder": str(folder), "out": out.name, "err": err.name}
        print(json.dumps(job), file=_server.stdin, flush=True)
        if not select.select([_server.stdout], [], [], seconds)[0]:
            _server.kill()
            raise AssertionError(f"{program.name} runs longer than {seconds} s:\n{out.read()}\n{err.read()}")
        status = _server.stdout.readline().strip()
        assert status == "0", f"{program.name} ended with {status or 'its server'}:\n{err.read()}"
        return out.read()


def run_code(code: str, folder: Path, seconds: float = 120) -> str:
    """What a piece of code prints, run in a folder."""
    program = folder / "program.py"
    program.write_text(code, encoding="utf-8")
    return run_program(program, folder=folder, seconds=seconds)
