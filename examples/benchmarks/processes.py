"""Speed-up of an anneal and of Monte Carlo by processes of one thread each: seconds of a step, updates a second.

The best of some repeats counts, by the clock. Processor's seconds of process 0 are beside it: what other programs take
does not lengthen them much, but they leave out what a process waits for the others.

python examples/benchmarks/processes.py                      # about a minute, on a quiet machine
python examples/benchmarks/processes.py --processes 1 2 4
python examples/benchmarks/processes.py --quick              # shows that it runs
"""

import argparse
import json
import os
import subprocess
import sys
import time

import graphar as ga

CASES = {
    "RRG 1024": lambda: ga.random_regular(1024, degree=3, couplings="pm1", seed=0),
    "SK 200": lambda: ga.sherrington_kirkpatrick(200, seed=0),
    "RRG 64": lambda: ga.random_regular(64, degree=3, couplings="pm1", seed=0),
}


def measure(case: str, batch: int, steps: int, sweeps: int, repeats: int) -> dict[str, float]:
    """Seconds of a step of training, and updates of spins by heat bath in a second."""
    graph = CASES[case]()
    quiet = {"warmup": 0, "batch_size": batch, "evaluate_samples": 64, "progress": False}
    cooled = {"sampler": ga.montecarlo.HeatBath, "measure": 1, "progress": False}
    model = ga.Autoregressive(graph)
    ga.anneal(model, 0.5, 2, **quiet)  # loads the compiled loops
    ga.montecarlo.simulated_annealing(graph, 0.5, 2, batch, **cooled)
    step, busy, sweep = [], [], []
    for _ in range(repeats):
        began = time.process_time()
        step.append(ga.anneal(model, 0.5, steps, **quiet).seconds / steps)
        busy.append((time.process_time() - began) / steps)
        sweep.append(ga.montecarlo.simulated_annealing(graph, 0.5, sweeps, batch, **cooled).seconds / sweeps)
    return {"step": min(step), "busy": min(busy), "updates": batch * graph.num_spins / min(sweep)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=["RRG 1024", "SK 200"])
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sweeps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--measure", action="store_true", help="be one of the processes")
    options = parser.parse_args()
    if options.quick:
        options.cases, options.batch, options.steps, options.sweeps, options.repeats = ["RRG 64"], 256, 3, 3, 1
    sizes = {name: getattr(options, name) for name in ("batch", "steps", "sweeps", "repeats")}
    if options.measure:
        found = {case: measure(case, **sizes) for case in options.cases}
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(found))
        return
    columns = {"step": ("seconds a step", ".4f"), "busy": ("processor's", ".4f"), "updates": ("updates/s", ".3g")}
    print(f"{'graph':<10}{'processes':>10}" + "".join(f"{title:>16}{'gain':>7}" for title, _ in columns.values()))
    alone: dict[str, dict[str, float]] = {}
    for count in options.processes:
        started = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)] if count > 1 else []
        told = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, *started, __file__, "--measure", *told, "--cases", *options.cases]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        for case, now in json.loads(printed.splitlines()[-1]).items():
            first, row = alone.setdefault(case, now), f"{case:<10}{count:>10}"
            for name, (_, form) in columns.items():
                gain = now[name] / first[name] if name == "updates" else first[name] / now[name]
                row += f"{now[name]:>16{form}}{gain:>7.2f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
