"""Times of the sparse model in three orders, of the dense TwoBo, and the bound of this machine's arithmetic.

python examples/benchmarks/comparison.py --graphs 2d-16x16
python examples/benchmarks/comparison.py --quick
"""

import argparse
from collections.abc import Iterable
from statistics import median
from typing import Any

import torch
from cases import ORDERS, instance, interleaved, model_of, num_levels, tasks
from dense_twobo import DenseTwoBo, check
from machine import Machine
from machine import measure as measure_machine
from memory import in_new_process, train_step

TASKS = ("sample", "log_prob", "train")
COLUMNS = {"graph": 9, "order": 18, "pairs": 7, "levels": 7, "sample": 12, "log q": 12, "train": 12, "Mspin/s": 9}
COLUMNS |= {"GMA/s": 7, "MB": 6, "×sample": 9, "×train": 8, "/bound": 8}
LEGEND = """\
sample, log q, train: a batch, medians. Mspin/s, GMA/s: spins and multiply-adds (pairs and arrivals) per second of
sampling. MB: peak memory of a train step. ×: how many times faster than the dense TwoBo in natural order. /bound:
sampling time over that of its multiply-adds and draws at the rates of this machine."""


def measure(name: str, machine: Machine, batch_size: int, repeats: int, budget: float, limit: int) -> list[dict]:
    """Rows of one graph: its orders, and the dense TwoBo if spins are no more than ``limit``; they take turns."""
    graph = instance(name)
    models = {order: model_of(graph, order) for order in ORDERS}
    works = {order: tasks(model, batch_size) for order, model in models.items()}
    if graph.num_spins <= limit:
        if (error := check(graph)) > 1e-9:
            raise RuntimeError(f"log q of the dense TwoBo and of the sparse model differ by {error:.1e} on {name}")
        models["dense TwoBo"] = models["natural"]
        works["dense TwoBo"] = DenseTwoBo(models["natural"]).tasks(batch_size)
    calls = {(order, task): works[order][task] for order in works for task in TASKS}
    seconds = interleaved(calls, repeats, budget)
    rows = []
    for order, model in models.items():
        dense, pairs, spins = order not in ORDERS, model.frontier.num_pairs, graph.num_spins * batch_size
        sums = (pairs + model.frontier.num_arrivals) * batch_size
        row: dict[str, Any] = {"graph": name, "order": order, "pairs": pairs, "batch_size": batch_size}
        row |= {"spins": spins, "multiply_adds": sums, "bound": machine.sampling_bound(sums, spins)}
        row |= {"levels": graph.num_spins if dense else num_levels(model)}
        row |= {task: seconds[order, task] for task in TASKS}
        row |= {"bytes": in_new_process(train_step, name, order, batch_size, torch.get_num_threads())}
        rows.append(row)
    return rows


def aligned(cells: Iterable[object]) -> str:
    """A line of the table; of its header for ``COLUMNS``."""
    sides = "<<" + ">" * (len(COLUMNS) - 2)
    return "".join(f"{cell!s:{side}{COLUMNS[name]}}" for cell, side, name in zip(cells, sides, COLUMNS, strict=True))


def lines(rows: list[dict]) -> list[str]:
    """One line per row of a graph."""
    out = []
    oracle = next((row for row in rows if row["order"] not in ORDERS), None)  # the dense TwoBo
    for row in rows:
        sample, log_prob, train = (median(row[task]) for task in TASKS)
        gain = ["-", "-"]
        if oracle:
            gain = [f"{median(oracle['sample']) / sample:.0f}", f"{median(oracle['train']) / train:.0f}"]
        cells = [row["graph"], row["order"], row["pairs"], row["levels"]]
        cells += [f"{1e3 * seconds:.2f} ms" for seconds in (sample, log_prob, train)]
        cells += [f"{1e-6 * row['spins'] / sample:.1f}", f"{1e-9 * row['multiply_adds'] / sample:.1f}"]
        cells += [f"{row['bytes'] / 1e6:.0f}", *gain, f"{sample / row['bound']:.1f}"]
        out.append(aligned(cells))
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph and batch")
    parser.add_argument("--graphs", nargs="*", help="such as 2d-16x16 or rrg-256")
    options = parser.parse_args()
    rates = measure_machine(torch.get_num_threads())
    print(aligned(COLUMNS))
    for name in options.graphs or (["2d-6x6"] if options.quick else ["2d-16x16", "rrg-256"]):
        settings = (128, 2, 0.5, 64) if options.quick else (1024, 7, 10.0, 1024)
        print("\n".join(lines(measure(name, rates, *settings))))
    print(LEGEND)
