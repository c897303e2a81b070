"""What torch-scatter brings to energies of batched graphs, which use PyG's ``scatter``, and could to local fields.

PyG sums by torch's own ``scatter_add_`` whether torch-scatter is there or not, and asks it for other reductions, so the
two times of energies differ by noise. Local fields are products of a sparse matrix; beside them is what torch-scatter's
sum of sorted segments would take.

python examples/benchmarks/scatter_gain.py
"""

import argparse
from functools import partial
from statistics import median

import torch
import torch_geometric.typing as pyg
from cases import instance, interleaved
from torch_geometric.data import Batch

import graphar as ga


def measure(batch_size: int = 256, repeats: int = 5) -> dict[tuple[str, str], list[float]]:
    """Seconds of each task: by PyG without torch-scatter, by PyG with it, and by torch-scatter's sums called directly.

    PyG asks ``typing.WITH_TORCH_SCATTER`` at every call, so both run in turn in one process.
    """
    graph = instance("2d-32x32")
    graphs = Batch.from_data_list([instance("2d-8x8")] * 16)
    spins = 2.0 * torch.randint(2, (batch_size, 1024), generator=torch.Generator().manual_seed(0)) - 1
    installed = pyg.WITH_TORCH_SCATTER

    def by_pyg(task, use: bool) -> torch.Tensor:
        pyg.WITH_TORCH_SCATTER = use
        try:
            return task(spins)
        finally:
            pyg.WITH_TORCH_SCATTER = installed

    works = {}
    works["energy of a Batch", "without"] = partial(by_pyg, graphs.energy, False)
    works["local_fields", "without"] = partial(graph.local_fields, spins)
    if installed:
        works["energy of a Batch", "with"] = partial(by_pyg, graphs.energy, True)
        works["local_fields", "direct"] = partial(sums_of_segments, graph, spins)
        torch.testing.assert_close(sums_of_segments(graph, spins), graph.local_fields(spins))
    return interleaved(works, repeats, budget=5)


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
        text += f", with it {times['with']:.2f} ms" if "with" in times else ""
        text += "" if len(times) > 1 else "; it is not installed, so no comparison"
        text += f", its segment_csr called directly {times['direct']:.2f} ms" if "direct" in times else ""
        out.append(text)
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=256)
    print("\n".join(lines(measure(parser.parse_args().batch_size))))
