"""What ``graphar sweep`` does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from graphar._support.files import atomic_write
from graphar.sweeps import ExecutorError, collect, sweep
from graphar.sweeps.toml_files import executor_of, read_sweep

__all__ = ["run_sweep"]


def run_sweep(options: argparse.Namespace) -> int:
    """Do what is missing of a sweep and print the table; exit code 1 where tasks failed."""
    found = read_sweep(options.file)
    out = options.out or Path(found.get("out", f"runs/{options.file.stem}"))
    told = {name: found[name] for name in ("workers", "threads", "retry_failed") if name in found}
    told |= {name: value for name in ("workers", "threads") if (value := getattr(options, name)) is not None}
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # where "module:function" may stand, for workers too
    executor = executor_of(found | told, str(out))
    if executor is not None:
        told.pop("workers", None)
    progress = not options.quiet and sys.stderr.isatty()
    try:
        done = sweep(found["task"], found["settings"], out, executor, **told, progress=progress)
    except ExecutorError as error:
        print(f"graphar sweep: {error}", file=sys.stderr)
        return 1
    finally:
        if hasattr(executor, "close"):  # a client of dask
            executor.close()
    print(done)
    try:
        table = collect(out, options.over)
    except ImportError as error:  # what was done is in the folder all the same
        print(error, file=sys.stderr)
        return 1 if done.failures or options.table is not None else 0
    print(table.to_string(index=False, float_format="%.6g"))
    if options.table is not None:
        with atomic_write(options.table) as file:
            table.to_csv(file, index=False)
        print(f"table: {options.table}")
    return 1 if done.failures else 0
