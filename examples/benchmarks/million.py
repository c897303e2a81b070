"""A million spins with log q: the 1000×1000 grid row by row, and a random 3-regular graph breadth first; radius 6.

python examples/benchmarks/million.py            # minutes
python examples/benchmarks/million.py --quick    # ten thousand spins
"""

import argparse
import time
from collections.abc import Callable

import torch
from cases import BETA
from memory import in_new_process, peak_bytes

import graphar as ga
from graphar.training import variational_step

GRAPHS: dict[str, tuple[Callable, Callable]] = {
    "grid": (lambda side: ga.grid((side, side), couplings="pm1", seed=0), ga.natural),
    "rrg": (lambda side: ga.random_regular(side**2, degree=3, couplings="pm1", seed=0), ga.bfs),
}
RADIUS = 6
COLUMNS = ("graph", "model", "sample", "energy", "train")


def seconds(name: str, side: int, batch_size: int, threads: int) -> dict[str, float]:
    """Pairs, seconds of each step in turn (the first call of each: nothing warmed up), and peak bytes in all."""
    torch.set_num_threads(threads)
    build, ordering = GRAPHS[name]
    out: dict[str, float] = {}
    clock = time.perf_counter()

    def done(step: str) -> None:
        nonlocal clock
        out[step] = time.perf_counter() - clock
        clock = time.perf_counter()

    graph = build(side)
    done("graph")
    model = ga.Autoregressive(graph, ordering=ordering, radius=RADIUS)
    done("model")
    spins, _ = model.at(BETA).sample_with_log_prob(batch_size, seed=0)
    done("sample")
    out["peak_sampling"] = peak_bytes()
    graph.energy(spins)
    done("energy")
    del spins
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    variational_step(model.at(BETA), batch_size, torch.Generator().manual_seed(0))
    optimizer.step()
    done("train")
    return {"spins": side**2, "pairs": model.frontier.num_pairs, **out, "peak": peak_bytes()}


def measure(side: int, batch_size: int, threads: int) -> dict[str, dict[str, float]]:
    """The two graphs, each in a process of its own."""
    return {name: in_new_process(seconds, name, side, batch_size, threads) for name in GRAPHS}


def table(rows: dict[str, dict[str, float]]) -> str:
    lines = [
        f"{'':<6}{'spins':>9}{'pairs':>11}{''.join(f'{c:>10}' for c in COLUMNS)}{'peak, sampling':>17}{'training':>12}"
    ]
    for name, row in rows.items():
        times = "".join(f"{row[column]:>8.2f} s" for column in COLUMNS)
        peaks = f"{row['peak_sampling'] / 1e9:>14.2f} GB{row['peak'] / 1e9:>9.2f} GB"
        lines.append(f"{name:<6}{row['spins']:>9.0f}{row['pairs']:>11.0f}{times}{peaks}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100×100 instead of 1000×1000")
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()
    print(table(measure(100 if options.quick else 1000, options.batch_size, torch.get_num_threads())))
