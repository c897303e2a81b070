"""What torch-scatter brings: sums per graph of a batch and per spin of messages go through it where it is installed.

Local fields are products of a sparse matrix in any case; beside them is what torch-scatter's sums would take.

python examples/benchmarks/scatter_gain.py
"""

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
import torch_geometric.typing as pyg
from cases import instance, interleaved
from torch_geometric.data import Batch

import graphar as ga

HEAD = ga.heads.MessagePassing(radius=3, hidden=4)


def measure(batch_size: int = 64, repeats: int = 5, num_graphs: int = 1000) -> dict[tuple[str, str], list[float]]:
    """Seconds of each task: without torch-scatter, with it, and by its sums called directly.

    The library asks PyG's ``typing.WITH_TORCH_SCATTER`` at every call, so all run in turn in one process.
    """
    kinds = [ga.random_regular(64, degree=3, couplings="pm1", seed=k) for k in range(10)]
    graphs = Batch.from_data_list([kinds[k % 10] for k in range(num_graphs)])
    spins = _spins(batch_size, graphs.num_nodes)
    leaf = spins.clone().requires_grad_()
    model = ga.Autoregressive(kinds[0], HEAD, kernel="reference", seed=0)
    given = _spins(batch_size, 64)
    some = [ga.random_regular(16, degree=3, couplings="pm1", seed=k) for k in range(10)]
    train = partial(ga.pretrain, some, HEAD, validation=some[:1], steps=1, graphs_per_step=num_graphs, progress=False)
    tasks: dict[str, Callable[[], Any]] = {
        f"energies of a Batch of {num_graphs} graphs, {batch_size} configurations": partial(graphs.energy, spins),
        "the same and their gradient": lambda: torch.autograd.grad(graphs.energy(leaf).sum(), leaf),
        "log q by message passing, reference kernel": partial(model.at(0.5).log_prob, given),
        f"pretraining, one step on {num_graphs} graphs": partial(train, batch_size=batch_size // 4),
    }
    works: dict[tuple[str, str], Callable[[], Any]] = {}
    for name, task in tasks.items():
        for way in ("without", "with") if pyg.WITH_TORCH_SCATTER else ("without",):
            works[name, way] = partial(_by, task, way == "with")
    lattice = instance("2d-32x32")
    works["local_fields", "without"] = partial(lattice.local_fields, _spins(256, 1024))
    if pyg.WITH_TORCH_SCATTER:
        works["local_fields", "direct"] = partial(sums_of_segments, lattice, _spins(256, 1024))
        torch.testing.assert_close(works["local_fields", "direct"](), works["local_fields", "without"]())
    return interleaved(works, repeats, budget=5)


def _spins(count: int, num_spins: int) -> torch.Tensor:
    return 2.0 * torch.randint(2, (count, num_spins), generator=torch.Generator().manual_seed(0)) - 1


def _by(task: Callable[[], Any], use: bool) -> Any:
    installed = pyg.WITH_TORCH_SCATTER
    pyg.WITH_TORCH_SCATTER = use
    try:
        return task()
    finally:
        pyg.WITH_TORCH_SCATTER = installed


def sums_of_segments(graph: ga.IsingGraph, spins: torch.Tensor) -> torch.Tensor:
    """Local fields by torch-scatter itself."""
    from torch_scatter import segment_csr

    pointers = torch.nn.functional.pad(graph.degree().cumsum(0), (1, 0))
    # edges are stored in both directions and sorted by their first site, which may as well be the one that receives
    messages = spins.to(graph.dtype)[:, graph.edge_index[1]] * graph.edge_weight
    return segment_csr(messages, pointers.expand(len(spins), -1), reduce="sum") + graph.h


def lines(seconds: dict[tuple[str, str], list[float]]) -> list[str]:
    """One line per task."""
    out = []
    for task in dict.fromkeys(name for name, _ in seconds):
        times = {way: 1e3 * median(calls) for (name, way), calls in seconds.items() if name == task}
        text = f"torch-scatter, {task}: without it {times['without']:.2f} ms"
        if "with" in times:
            text += f", with it {times['with']:.2f} ms, {times['without'] / times['with']:.2f} times as fast"
        text += "" if len(times) > 1 else "; it is not installed, so no comparison"
        text += f", its segment_csr called directly {times['direct']:.2f} ms" if "direct" in times else ""
        out.append(text)
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--num-graphs", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="30 graphs, once")
    options = parser.parse_args()
    repeats, count = (1, 30) if options.quick else (5, options.num_graphs)
    print("\n".join(lines(measure(options.batch_size, repeats, count))))
