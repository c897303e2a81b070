"""Networks on what the dial leaves to learn, at equal time: error of F on an open ±J grid, where F is known exactly.

Linear heads and networks of one hidden layer, on all sites, and on those alone whose separators are wider than
`--exact-width`. All train for the same seconds, with as many steps at each β as that allows.

python examples/reproductions/learned_core.py                                          # 16×16, eight minutes
python examples/reproductions/learned_core.py --seconds 330 --hidden 32 --learning-rate 0.007 \\
    --instance datasets/grid2d_pm1_open_32x32.edges                                    # 32×32, half an hour
python examples/reproductions/learned_core.py --quick                                  # seconds
"""

import argparse
from pathlib import Path

import graphar as ga

INSTANCE = Path(__file__).parents[2] / "datasets/grid2d_pm1_open_16x16.edges"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instance", type=Path, default=INSTANCE, help="couplings of a planar graph")
    parser.add_argument("--seconds", type=float, default=120.0, help="of training for each")
    parser.add_argument("--exact-width", type=int, default=12, help="of the dial")
    parser.add_argument("--hidden", type=int, default=64, help="units of each network")
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--quick", action="store_true", help="a 6×6 grid and a second, to see it work")
    parser.add_argument("--picture", type=Path, help="where to save a picture of the errors")
    options = parser.parse_args()

    graph, width, hidden, seconds, num = None, options.exact_width, options.hidden, options.seconds, 30
    if options.quick:
        graph, width, hidden, seconds, num = ga.grid((6, 6), couplings="pm1", seed=0), 3, 4, 1.0, 4
    graph = graph or ga.read(options.instance)
    linear, network = ga.heads.Linear("parents"), ga.heads.MLP(hidden, inputs="parents")
    heads = {
        "linear": (ga.heads.Linear, {}),
        f"linear, {width}": (linear, {"exact_width": width}),
        "network": (ga.heads.MLP(hidden), {}),
        f"network, {width}": (network, {"exact_width": width}),
    }
    result = ga.compare(
        graph,
        heads,
        beta=ga.linear(0.1, 3.0, num),
        steps=100,
        warmup=100,
        batch_size=128 if options.quick else 1024,
        seconds=seconds,
        evaluate_samples=500 if options.quick else 8192,
        learning_rate=options.learning_rate,
        average=False,
    )
    for beta in (1.0, 2.0, 3.0):
        print(result.table(min(result.beta, key=lambda value: abs(value - beta))), end="\n\n")
    if options.picture:
        result.plot(options.picture)


if __name__ == "__main__":
    main()
