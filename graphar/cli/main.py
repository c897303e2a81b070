"""Commands run: exit codes, messages, and what processes of one run leave to the first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from types import FrameType
from typing import TextIO

from graphar.cli.arguments import make_parser

__all__ = ["main"]

# Nothing of torch is imported before :func:`main` runs: that takes seconds, in which Ctrl-C must have its answer too.

OUT_OF_MEMORY = "can't allocate memory"  # what torch says of it, in a RuntimeError
SHARED = ("anneal", "free-energy")  # commands whose work processes of one run divide; others are process 0's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    command = "graphar"
    try:
        with nullcontext() if arguments is not None else _ending_at_once():
            parser = make_parser()
        options = parser.parse_args(arguments)
        command = f"graphar {options.command}"
        with _as_one_of_several(options.command) as wanted:
            code = int(options.run(options)) if wanted else 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has seen enough
        _drop(sys.stdout)
        return 1
    except KeyboardInterrupt:
        return _end(command, "interrupted", 130)
    except (MemoryError, OverflowError, RuntimeError) as error:
        if _is_lost(error):
            return _end(command, str(error), 1)
        if isinstance(error, RuntimeError) and OUT_OF_MEMORY not in str(error):
            raise
        reason = "a number is too large" if isinstance(error, OverflowError) else "not enough memory"
        return _end(command, f"{reason} ({error})" if str(error) else reason, 2)
    except (ValueError, OSError, ImportError) as error:
        return _end(command, str(error), 2)


def _processes() -> tuple[int, int]:
    """Number of this process and how many there are, by what torchrun says."""
    try:
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:  # which joining them complains of
        return 0, 1


@contextmanager
def _as_one_of_several(command: str) -> Iterator[bool]:
    """Process 0 alone prints; whether this one has a part in the command, which some leave to process 0."""
    rank, world = _processes()
    if world == 1:
        yield True
        return
    from graphar._support.processes import alone

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere) if rank else nullcontext():
        if command in SHARED:
            yield True
        else:
            with alone():
                yield rank == 0


def _is_lost(error: BaseException) -> bool:
    if _processes()[1] == 1:
        return False
    from graphar._support.group import ProcessLost

    return isinstance(error, ProcessLost)


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """While the command loads its modules, Ctrl-C ends the process: an exception within torch's would abort it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or a program's own
        yield
        return

    def end(signum: int, frame: FrameType | None) -> None:
        os.write(2, b"graphar: interrupted\n")
        os._exit(130)

    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(command: str, message: str, code: int) -> int:
    """Say in one line why the command ends here."""
    try:
        sys.stdout.flush()
    except OSError:  # on a full disk: the interpreter would try again, and complain
        _drop(sys.stdout)
    rank, world = _processes()
    own = f"process {rank} of {world}: " if world > 1 else ""
    try:
        print(f"{command}: {own}{' '.join(message.split())}", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)
    return code


def _drop(stream: TextIO) -> None:
    """What the stream still holds goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
