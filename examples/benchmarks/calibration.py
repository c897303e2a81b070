"""Whether stated errors of log Z are right: how many answers are within them, by family, beside three other methods.

python examples/benchmarks/calibration.py                  families with exact values
python examples/benchmarks/calibration.py --hard 300       others, beside log_partition of another seed in 300 seconds
"""

import argparse
import math
import warnings
from statistics import median

from calibration_methods import BETAS, FAMILIES, HARD, METHODS, reference

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one family, a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each graph and method")
    parser.add_argument("--graphs", type=int, default=2, help="of each family")
    parser.add_argument("--hard", type=float, metavar="SECONDS", help="for each reference, where none is exact")
    parser.add_argument("--every", action="store_true", help="print every answer")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    known = FAMILIES if options.hard is None else HARD
    families = list(known)[-1:] if options.quick else list(known)
    seconds, graphs = (1.0, 1) if options.quick else (options.seconds, options.graphs)
    warnings.simplefilter("ignore")
    pulls = {name: [] for name in options.methods}
    print(f"{'family':<28}{'method':<24}{'median |error|':>15}{'stated':>10}{'largest pull':>14}", flush=True)
    for family in families:
        rows = {name: [] for name in options.methods}
        for seed in range(graphs):
            graph = known[family](seed)
            truth = reference(graph, options.hard, seed)
            for name in options.methods:
                for beta, (x, dx), (v, e) in zip(BETAS, truth, METHODS[name](graph, seconds, seed), strict=True):
                    rows[name].append((v - x, e, math.hypot(e, dx)))
                    if options.every:
                        print(f"{family} {seed} beta {beta:g} {name}: {v:.4f} ± {e:.4f}, known {x:.4f} ± {dx:.4f}")
        for name, found in rows.items():
            pulls[name] += [abs(error) / max(both, 1e-12) for error, _, both in found]
            most = max(pulls[name][-len(found) :])
            error, stated = median(abs(row[0]) for row in found), median(row[1] for row in found)
            print(f"{family:<28}{name:<24}{error:>15.2g}{stated:>10.2g}{most:>14.1f}", flush=True)
    for name, found in pulls.items():
        within = sum(pull < 2 for pull in found) / len(found)
        print(f"{name}: {len(found)} answers, {within:.0%} within 2 stated errors, the furthest {max(found):.1f} away")
