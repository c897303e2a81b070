"""Laws and times of fused sweeps on a GPU, beside compiled loops on all cores of the same machine.

python examples/benchmarks/gpu.py                    # laws, then a table of times
python examples/benchmarks/gpu.py --laws             # laws alone; without a GPU, by Triton's interpreter
python examples/benchmarks/gpu.py --other twobo.py   # and a program of yours: `python twobo.py 2d-16x16 1024` prints
                                                     # seconds of sampling and of a train step, such as the JAX TwoBo's
"""

import argparse
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import torch
from cases import GRAPHS, ORDERS, instance, model_of, seconds_of, tasks
from gpu_laws import measure, table

import graphar as ga

BATCHES = (1024, 16_384, 262_144)
TIMED = {"linear": ga.heads.Linear(), "mlp": ga.heads.MLP(), "made": ga.heads.MADE()}
TIMED["message"] = ga.heads.MessagePassing(hidden=8)


def finished(task) -> None:
    task()
    torch.cuda.synchronize()


def times(name: str, order: str, head: str, batch_size: int, repeats: int, rate: float, other: Path | None) -> dict:
    """Best seconds of sampling and of a train step, and bytes of messages read a second over those of a copy."""
    row: dict = {"graph": name, "order": order, "head": head, "batch": batch_size}
    for place in ("cpu", "cuda"):
        model = model_of(instance(name), order, head=TIMED[head]).to(place)
        row[f"{place} kernel"] = type(model.kernel).__name__
        for task, work in tasks(model, batch_size).items():
            row[f"{place} {task}"] = min([seconds_of(lambda work=work: finished(work)) for _ in range(repeats + 1)][1:])
    read = 4 * batch_size * (model.frontier.num_pairs + 2 * model.frontier.num_arrivals + model.num_spins)
    row["of bandwidth"] = read / row["cuda sample"] / rate if head == "linear" else None
    if other:
        done = subprocess.run(
            [sys.executable, other, name, str(batch_size)], capture_output=True, text=True, check=True
        )
        row["other sample"], row["other train"] = map(float, done.stdout.split()[-2:])
    return row


def copying_rate() -> float:
    """Bytes a second that a copy reads and writes."""
    one, two = torch.empty(2, 2**28, device="cuda").unbind()
    return 2 * one.nbytes / min(seconds_of(lambda: finished(lambda: two.copy_(one))) for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small graph and batch")
    parser.add_argument("--laws", action="store_true", help="no times")
    parser.add_argument("--graphs", nargs="*", help=f"{' '.join(GRAPHS)} by default")
    parser.add_argument("--orders", nargs="*", default=["rcm", "nested_dissection"], choices=list(ORDERS))
    parser.add_argument("--heads", nargs="*", default=["linear"], choices=list(TIMED))
    parser.add_argument("--batches", type=int, nargs="*")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--other", type=Path, help="a program to be timed beside it, as above")
    parser.add_argument("--json", type=Path, help="where to save all of it")
    options = parser.parse_args()
    held = measure(options.quick)
    if held:
        print(table(held))
    rows: list[dict] = []
    if torch.cuda.is_available() and not options.laws:
        rate = copying_rate()
        cores = torch.get_num_threads()
        print(f"\nSeconds, best of {options.repeats}; a copy moves {rate / 1e9:.0f} GB/s; CPU on {cores} threads")
        graphs = options.graphs or (["rrg-64"] if options.quick else GRAPHS)
        for name, order, head in product(graphs, options.orders, options.heads):
            for batch_size in options.batches or ([256] if options.quick else BATCHES):
                rows.append(times(name, order, head, batch_size, options.repeats, rate, options.other))
        print(table(rows))
    if options.json:
        options.json.write_text(json.dumps({"laws": held, "times": rows}, indent=1))


if __name__ == "__main__":
    main()
