"""ga.solve beside other solvers: the same instances, the same seconds, the same cores; other solvers at their best
of three settings. Peers that are not installed are left out by name.

python examples/benchmarks/optimisation.py --time 10 --seeds 10 --cores 2 --out races.jsonl
python examples/benchmarks/optimisation.py --out races.jsonl --table --plot races.png   # of what there is
python examples/benchmarks/optimisation.py gset:G1.txt --known best_known.csv           # files in place of families

An instance is of a family and a seed. Settings are tried on an instance that is not raced on. Each line of ``--out`` is
a race; what is there is not raced again.
"""

import argparse
from pathlib import Path

import torch
from race_instances import FAMILIES
from race_peers import PEERS
from race_records import TUNED_ON, Races, known_energy, read
from race_table import plot, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="graphs in place of families: PATH or FORMAT:PATH")
    parser.add_argument("--time", type=float, default=10.0, help="seconds of a race (default: %(default)g)")
    parser.add_argument("--tune", type=float, help="seconds of a setting's trial (default: a quarter of --time)")
    parser.add_argument("--seeds", type=int, default=10, help="instances of a family, or runs on a file")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--families", nargs="*", default=[name for name in FAMILIES if name != "small"])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--known", help="table of instance and best_known, cuts of files, as targets")
    parser.add_argument("--within", type=float, default=0.0, help="share of |target| above it that counts as reached")
    parser.add_argument("--stop", action="store_true", help="end a race as soon as its known target is reached")
    parser.add_argument("--out", type=Path, help="file of races, one a line")
    parser.add_argument("--table", action="store_true", help="no new races")
    parser.add_argument("--plot", help="file for a picture of the table")
    parser.add_argument("--quick", action="store_true", help="one small graph and a moment")
    options = parser.parse_args()
    if options.quick:
        options.families, options.time, options.seeds, options.cores = ["small"], 0.3, 1, 1
    torch.set_num_threads(1)  # races are forked from here
    missing = [name for name in options.peers if not PEERS[name].installed]
    if missing:
        print("not installed:", ", ".join(f"{name} ({PEERS[name].package})" for name in missing))
    methods = ["graphar", *(name for name in options.peers if name not in missing)]
    races, names = Races(options.out, options.cores, read(options.out)), options.files or options.families
    known = {name: known_energy(name, options.known) for name in names}
    for seed in range(0 if options.table else options.seeds):
        for name in names:
            for method in methods:
                trial = options.tune or options.time / 4
                target = known[name] if options.stop else None
                races.run(name, seed, method, races.best_setting(name, method, trial), options.time, target)
    records = [each for each in races.records if each["seed"] != TUNED_ON and each["family"] in names]
    for seconds, cores in sorted({(each["seconds"], each["cores"]) for each in records}):
        print(f"\n{seconds:g} s on {cores} core{'s' * (cores > 1)}")
        same = [each for each in records if (each["seconds"], each["cores"]) == (seconds, cores)]
        print(table(same, known, options.within))
    if options.plot:
        plot(records, known, options.plot)


if __name__ == "__main__":
    main()
