"""Write the instances of this folder from their seeds, and compare them with the checksums of index.json.

python datasets/generate.py            write every file, then compare
python datasets/generate.py --check    compare fresh copies and the files here, change nothing
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import graphar as ga

FOLDER = Path(__file__).resolve().parent

INSTANCES: dict[str, Callable[[], ga.IsingGraph | ga.SpinHypergraph]] = {
    "grid2d_pm1_open_16x16.edges": partial(ga.grid, (16, 16), couplings="pm1", seed=0),
    "grid2d_pm1_open_32x32.edges": partial(ga.grid, (32, 32), couplings="pm1", seed=0),
    "grid2d_pm1_periodic_16x16.edges": partial(ga.grid, (16, 16), periodic=True, couplings="pm1", seed=0),
    "grid2d_gaussian_open_16x16.edges": partial(ga.grid, (16, 16), couplings="gaussian", seed=0),
    "grid3d_pm1_periodic_6x6x6.edges": partial(ga.grid, (6, 6, 6), periodic=True, couplings="pm1", seed=0),
    "rrg3_pm1_n256.edges": partial(ga.random_regular, 256, degree=3, couplings="pm1", seed=0),
    "rrg3_pm1_n1024.edges": partial(ga.random_regular, 1024, degree=3, couplings="pm1", seed=0),
    "sk_gaussian_n20.edges": partial(ga.sherrington_kirkpatrick, 20, couplings="gaussian", seed=0),
    "sk_gaussian_n100.edges": partial(ga.sherrington_kirkpatrick, 100, couplings="gaussian", seed=0),
    "maxcut_random_n80.gset": partial(ga.erdos_renyi, 80, mean_degree=5, couplings=-1.0, seed=0),
    "ea_uniform_open_10x10.edges": partial(ga.grid, (10, 10), couplings="uniform", seed=0),
    "ea_uniform_open_20x20.edges": partial(ga.grid, (20, 20), couplings="uniform", seed=0),
    "wishart_alpha0.25_n32.edges": partial(ga.wishart_planted, 32, 0.25, seed=0),
    "wishart_alpha0.5_n32.edges": partial(ga.wishart_planted, 32, 0.5, seed=0),
    "newman_moore_4x4.interactions": partial(ga.newman_moore, 4),
    "newman_moore_16x16.interactions": partial(ga.newman_moore, 16),
    "xorsat3_n60.interactions": partial(ga.xorsat, 60, 3, 3, seed=0),
    "pspin3_pm1_n42.interactions": partial(ga.random_hypergraph, 42, 3, 4, couplings="pm1", seed=0),
}


def sha256(path: Path) -> str:
    """Checksum of a file, as ``sha256sum`` prints it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wrong_files(folder: Path) -> list[str]:
    """Names of the instances that are missing in a folder or differ from the index."""
    entries = json.loads((FOLDER / "index.json").read_text())["instances"]
    expected = {entry["file"]: entry["sha256"] for entry in entries}
    if set(expected) != set(INSTANCES):
        return sorted(set(expected) ^ set(INSTANCES))
    return [name for name in INSTANCES if not (folder / name).is_file() or sha256(folder / name) != expected[name]]


def write_files(folder: Path) -> None:
    """Build every instance and write it."""
    for name, build in INSTANCES.items():
        ga.write(build(), folder / name)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args(arguments).check
    if check:
        with tempfile.TemporaryDirectory() as scratch:
            write_files(Path(scratch))
            wrong = [f"{name} (regenerated)" for name in wrong_files(Path(scratch))]
    else:
        write_files(FOLDER)
        wrong = []
    wrong += wrong_files(FOLDER)
    for name in wrong:
        print(f"{name}: differs from index.json", file=sys.stderr)
    print(f"{len(INSTANCES)} instances, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
