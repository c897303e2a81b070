"""Anneal TwoBo on a random regular spin glass: free energy with error bars, samples, lowest energy, a picture.

python examples/quickstart.py            # about two minutes
python examples/quickstart.py --quick    # seconds
"""

import argparse
from pathlib import Path

import graphar as ga
from graphar.plot import plot_run

DATASETS = Path(__file__).parent.parent / "datasets"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short schedule, to see it work")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the run")
    options = parser.parse_args()

    graph = ga.read(DATASETS / "rrg3_pm1_n256.edges")
    model = ga.Autoregressive(graph, head=ga.heads.Linear)
    print(model.describe())

    schedule = ga.linear(0.1, 1.0, 4) if options.quick else ga.linear(0.05, 1.0, 20)
    steps, batch_size, samples = (8, 128, 1000) if options.quick else (200, 1024, 10_000)
    run = ga.anneal(model, beta=schedule, steps=steps, warmup=steps, batch_size=batch_size, seed=0)
    print(run.table(rows=10))

    q = model.at(1.0)
    print(ga.free_energy(q, num_samples=samples, seed=1))
    spins = q.sample(1000, seed=2)
    print(f"1000 samples at beta = 1: mean energy {graph.energy(spins).mean():.2f}")
    print(f"lowest energy met: {run.best_energy:g}")
    if options.picture:
        plot_run(run, graph.num_spins).savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
