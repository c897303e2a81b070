"""The lowest energy of a spin glass and a cut of a networkx graph, under a budget of time, with bounds.

python examples/solve.py [--quick]
"""

import argparse

import networkx as nx

import graphar as ga


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small graphs and a second each")
    options = parser.parse_args()
    size, seconds = (8, 1.0) if options.quick else (32, 20.0)

    glass = ga.grid((size, size), periodic=True, couplings="pm1", field=0.25, seed=1)
    found = ga.solve(glass, time_limit=seconds, seed=0, progress=False)
    print(found)
    for improvement in found.history:
        print(f"  {improvement.seconds:6.2f} s  {improvement.energy:g}  by {improvement.method}")

    network = nx.random_regular_graph(4, size * size, seed=1)
    cut = ga.max_cut(network, time_limit=seconds, seed=0, progress=False)
    left, right = cut.partition
    print(f"{cut.value:g} of {network.number_of_edges()} edges between {len(left)} and {len(right)} vertices; ", end="")
    print("no cut is larger" if cut.optimal else f"no cut has more than {cut.bound:g}")


if __name__ == "__main__":
    main()
