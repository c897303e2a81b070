"""Maximum cut of a networkx graph: Hamiltonian, annealing with exact sites, and the partition in the graph's own names.

python examples/max_cut.py [--quick]
"""

import argparse

import networkx as nx

import graphar as ga


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph and a short schedule")
    options = parser.parse_args()

    size, num, steps = (16, 4, 10) if options.quick else (100, 30, 50)
    names = [f"station {k}" for k in range(size)]
    network = nx.relabel_nodes(nx.random_regular_graph(3, size, seed=1), dict(enumerate(names)))
    problem = ga.problems.MaxCut(network)
    print(problem)

    model = ga.Autoregressive(problem.graph, exact_width=8, seed=0)
    run = ga.anneal(model, ga.linear(0.1, 3.0, num), steps=steps, warmup=steps, batch_size=128, progress=False)
    left, right = problem.decode(run.best_spins)
    print(problem.check((left, right)))
    print(f"{len(left)} stations on one side and {len(right)} on the other, such as {sorted(left)[:3]}")

    if options.quick:
        best = ga.exact.ground_state(problem.graph)
        print(f"the best cut is {problem.objective_of(best.energy):g}")


if __name__ == "__main__":
    main()
