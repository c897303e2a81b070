"""One race: a solver on an instance for a time, on so many cores, in processes of its own.

A peer runs once on each core, with seeds of its own; ga.solve runs once, on as many threads.
"""

import math
import multiprocessing.connection
import time
from typing import Any

from race_child import child

FORK = multiprocessing.get_context("fork")
PREPARING = 600.0  # seconds at most
GRACE = 0.25  # seconds after the time in which what was found before it may still arrive


def race(
    family: str,
    index: int,
    name: str,
    setting: Any,
    seed: int,
    seconds: float,
    cores: int,
    target: float = -math.inf,
) -> dict[str, Any]:
    """Improvements of a solver as [seconds, energy, method], merged over its processes, with bound and refusals.

    It ends at the time, or as soon as the target is reached.
    """
    runs = []
    for turn in range(1 if name == "graphar" else cores):
        here, there = FORK.Pipe()
        arguments = (there, family, index, name, setting, seed * 1000 + turn, seconds, cores)
        process = FORK.Process(target=child, args=arguments, daemon=True)
        process.start()
        there.close()
        runs.append((process, here))
    first = [pipe.recv() if pipe.poll(PREPARING) else ("refused", "not ready in time") for _, pipe in runs]
    told: dict[str, Any] = {}
    if all(message[0] == "ready" for message in first):
        for _, pipe in runs:
            pipe.send("go")
        told = listen([pipe for _, pipe in runs], seconds + 0.02 * seconds + GRACE, target)
    else:
        told["refused"] = next(message[1] for message in first if message[0] != "ready")
    for process, _ in runs:
        process.terminate()
        process.join()
    improvements: list[Any] = []
    for found in sorted(told.pop("found", [])):
        if found[0] <= seconds * 1.02 + 0.2 and (not improvements or found[1] < improvements[-1][1]):
            improvements.append(found)
    return {"improvements": improvements, **told}


def listen(pipes: list[Any], seconds: float, target: float) -> dict[str, Any]:
    """What comes from processes until all have ended, the time is over or the target is reached."""
    end, told, open_pipes = time.monotonic() + seconds, {"found": []}, list(pipes)
    while open_pipes and (left := end - time.monotonic()) > 0:
        for pipe in multiprocessing.connection.wait(open_pipes, left):
            try:
                kind, *values = pipe.recv()
            except EOFError:
                kind, values = "end", []
            if kind == "found":
                told["found"].append(values)
                if values[1] <= target:
                    return told
            elif kind == "end":
                open_pipes.remove(pipe)
            else:
                told[kind] = values[0] if len(values) == 1 else values
    return told


if __name__ == "__main__":
    print(race("small", 0, "graphar", None, 0, 1.0, 1))
