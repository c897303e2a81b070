"""What the sampling order costs and what it brings: pairs, levels, time, and the free energy after equal training.

python examples/ordering_comparison.py            # a few minutes
python examples/ordering_comparison.py --quick    # seconds
"""

import argparse
import time
from pathlib import Path

import graphar as ga
from graphar.plot import plot_frontier

ORDERINGS = [ga.natural, ga.bfs, ga.rcm, ga.min_degree, ga.nested_dissection]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small graph and a short schedule")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the last order")
    options = parser.parse_args()

    size, num, steps, batch_size = (6, 3, 5, 64) if options.quick else (12, 20, 60, 512)
    graph = ga.grid((size, size), couplings="pm1", seed=0)
    print(graph)
    print(f"{'order':<28}{'width':>7}{'pairs':>9}{'levels':>8}{'s/step':>10}   F at beta = 2 (bound)")
    for ordering in ORDERINGS:
        order = ordering(graph)
        model = ga.Autoregressive(graph, ordering=order)
        start = time.perf_counter()
        budget = {"steps": steps, "warmup": steps, "batch_size": batch_size, "learning_rate": 1e-3, "average": False}
        run = ga.anneal(model, ga.linear(0.1, 2.0, num), **budget, progress=False)
        seconds = (time.perf_counter() - start) / run.step
        last, frontier = run.history[-1], model.frontier
        levels = int(frontier.levels().max()) + 1
        bound = ga.Estimate(last.bound, last.bound_stderr)
        print(f"{order.name:<28}{frontier.width:>7}{frontier.num_pairs:>9}{levels:>8}{seconds:>10.4f}   {bound}")
        if options.picture:
            plot_frontier(frontier).savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
