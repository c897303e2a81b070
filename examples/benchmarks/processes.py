"""Speed-up of an anneal, and of simulated annealing, by the number of processes, of one thread each.

Seconds of a step by the clock; those that process 0 was busy, which other programs leave as they are; and spin updates
of Monte Carlo by the clock.

python examples/benchmarks/processes.py --processes 1 2 4    # some minutes
python examples/benchmarks/processes.py --quick              # under a minute
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


def measure(case: str, batch: int, steps: int, sweeps: int) -> dict[str, float]:
    """Seconds of a step at one batch, and spin updates of Monte Carlo in a second."""
    graph = CASES[case]()
    quick = {"warmup": 0, "batch_size": batch, "evaluate_samples": 64, "progress": False}
    ga.anneal(ga.Autoregressive(graph), 0.5, 2, **quick)  # loads the compiled loops
    began = time.process_time()
    run = ga.anneal(ga.Autoregressive(graph), 0.5, steps, **quick)
    busy = (time.process_time() - began) / steps
    sampler = ga.montecarlo.HeatBath
    ga.montecarlo.simulated_annealing(graph, 0.5, 2, batch, sampler=sampler, measure=1, progress=False)
    found = ga.montecarlo.simulated_annealing(graph, 0.5, sweeps, batch, sampler=sampler, measure=1, progress=False)
    return {"step": run.seconds / steps, "busy": busy, "updates": sweeps * batch * graph.num_spins / found.seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=["RRG 1024", "SK 200"])
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sweeps", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--measure", action="store_true", help="be one of the processes")
    options = parser.parse_args()
    if options.quick:
        options.cases, options.batch, options.steps, options.sweeps = ["RRG 64"], 256, 3, 3
    if options.measure:
        found = {case: measure(case, options.batch, options.steps, options.sweeps) for case in options.cases}
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(found))
        return
    print(
        f"{'graph':<10}{'processes':>10}{'s a step':>10}{'gain':>7}{'busy':>10}{'gain':>7}{'updates/s':>11}{'gain':>7}"
    )
    alone: dict[str, dict[str, float]] = {}
    for count in options.processes:
        started = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)] if count > 1 else []
        sizes = ["--batch", str(options.batch), "--steps", str(options.steps), "--sweeps", str(options.sweeps)]
        command = [sys.executable, *started, __file__, "--measure", *sizes, "--cases", *options.cases]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        for case, one in json.loads(printed.splitlines()[-1]).items():
            first = alone.setdefault(case, one)
            rows = [
                (one["step"], first["step"] / one["step"], ">10.4f"),
                (one["busy"], first["busy"] / one["busy"], ">10.4f"),
            ]
            rows.append((one["updates"], one["updates"] / first["updates"], ">11.3g"))
            print(f"{case:<10}{count:>10}" + "".join(f"{value:{form}}{gain:>7.2f}" for value, gain, form in rows))


if __name__ == "__main__":
    main()
