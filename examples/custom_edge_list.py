"""From an edge list of one's own to exact and estimated numbers, and to a file.

python examples/custom_edge_list.py [couplings.edges]
"""

import argparse
import tempfile
from pathlib import Path

import graphar as ga

# Lines "i j J" couple two sites, lines "i h" put a field on one; whether sites count from 0 or 1 is told, not guessed.
COUPLINGS = """\
# a frustrated hexagon with two chords, and a field on site 0
0 1  1.0
1 2  1.0
2 3 -1.0
3 4  0.5
4 5  1.0
5 0  1.0
0 3 -0.7
1 4  0.3
0  0.25
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="an edge list; the one above by default")
    parser.add_argument("--base", type=int, default=0, help="number of the first site, 0 or 1")
    parser.add_argument("--beta", type=float, default=1.0)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        path = options.path or Path(folder, "hexagon.edges")
        if options.path is None:
            path.write_text(COUPLINGS)
        graph = ga.read(path, format="edge_list", base=options.base)
        print(graph)

        ga.write(graph, Path(folder, "again.coo"))  # dimod's format, with its opposite sign of H
        again = ga.read(Path(folder, "again.coo"))
        assert again.to_dense().equal(graph.to_dense())

    model = ga.Autoregressive(graph)
    steps = 100 if graph.num_spins <= 24 else 20
    run = ga.anneal(model, ga.linear(0.1, options.beta, 5), steps=steps, warmup=0, batch_size=256, progress=False)
    estimate = ga.free_energy(model.at(options.beta), 5000, seed=1)
    print(estimate)
    print(f"lowest energy met: {run.best_energy:g} by {run.best_spins.tolist()}")
    if graph.num_spins <= 24:
        exact = ga.exact.enumerate(graph, options.beta)
        print(f"exact: F = {exact.free_energy:.6f}, log Z = {exact.log_partition:.6f}, lowest {exact.ground_energy:g}")

    # The same graph from arrays; from networkx, scipy, dimod or a QUBO it is IsingGraph.from_networkx and so on.
    triangle = ga.IsingGraph.from_edges([[0, 1, 0], [1, 2, 2]], [1.0, 1.0, -1.0], h=[0.5, 0.0, 0.0])
    print(triangle, "energy of all up:", triangle.energy([1, 1, 1]).item())


if __name__ == "__main__":
    main()
