"""Tasks that tests of sweeps hand to other processes, which import this file by name; it loads nothing heavy."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def noisy_square(instance: int, seed: int = 0, scale: float = 1.0) -> dict[str, Any]:
    print(f"instance {instance}")
    print("a word of warning", file=sys.stderr)
    return {"square": scale * (instance**2 + seed), "square_stderr": 0.5, "parity": "odd" if instance % 2 else "even"}


def counted(instance: int, diary: str, seconds: float = 0.0) -> dict[str, Any]:
    """Each beginning and each end leaves a line."""
    with open(diary, "a") as file:
        file.write(f"begin {instance}\n")
    time.sleep(seconds)
    with open(diary, "a") as file:
        file.write(f"end {instance}\n")
    return {"twice": 2 * instance}


def troubled(instance: int, folder: Path) -> dict[str, Any]:
    """One raises, one is killed each time, one the first time alone."""
    (folder / f"attempt_{time.time_ns()}").touch()
    attempts = len(list(folder.glob("attempt_*")))
    if instance == 1:
        raise ArithmeticError("no such number")
    if instance == 2 or (instance == 3 and attempts == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if instance == 4:
        raise SystemExit(3)
    if instance == 5:
        return {"x": object()}
    return {"attempts": attempts, "pid": os.getpid()}


def threads(instance: int, load: bool) -> dict[str, Any]:
    if load:
        import torch

        return {"number": torch.get_num_threads()}
    return {"number": int(os.environ["OMP_NUM_THREADS"])}


def echo(instance: int) -> dict[str, Any]:
    return {"instance": 10 * instance, "task": "mine"}
