"""What fused sweeps are held to: the samples, densities and gradients of compiled loops, the same in every run.

python examples/benchmarks/gpu_laws.py    # on a GPU; without one by Triton's interpreter, on a few spins
"""

import os
import sys
from importlib.util import find_spec

import torch
from cases import BETA, instance

import graphar as ga

SMALL = {"grid": ga.grid((2, 3), couplings="pm1", seed=0), "random regular": ga.random_regular(6, degree=3, seed=1)}
HEADS = {inputs: ga.heads.Linear(inputs, scale=1.0) for inputs in ("messages", "parents")}
HEADS |= {"MLP": ga.heads.MLP(hidden=3, scale=1.0), "MADE": ga.heads.MADE()}
HEADS["message passing"] = ga.heads.MessagePassing(weights="grid_pm1", radius=3)
TYPES = {torch.float64: 1e-11, torch.float32: 1e-3}
LARGE = {name: instance(name) for name in ("2d-12x12", "rrg-256")}


def gradient_of(model: ga.Autoregressive, spins: torch.Tensor) -> torch.Tensor:
    """Of a sum of log q with unequal factors."""
    log_q = model.at(BETA).log_prob(spins)
    found = torch.autograd.grad(torch.linspace(-1, 2, len(log_q)).to(log_q) @ log_q, list(model.parameters()))
    return torch.cat([part.flatten() for part in found]).double().cpu()


def laws(device: str, graphs: dict[str, ga.IsingGraph], count: int, quick: bool) -> list[dict]:
    """The same samples, densities and gradients as compiled loops on the CPU, and the same bits in every run."""
    rows = []
    for name, graph in graphs.items():
        for k, (kind, head) in enumerate(list(HEADS.items())[: -1 if quick else None]):
            for dtype in [list(TYPES)[k % 2]] if quick else TYPES:
                digits = TYPES[dtype]
                here = ga.Autoregressive(graph, head, kernel="numba", dtype=dtype, seed=1)
                there = ga.Autoregressive(graph, head, kernel="triton", dtype=dtype, seed=1).to(device)
                (x, log_q), (y, log_r) = (m.at(BETA).sample_with_log_prob(count, seed=3) for m in (here, there))
                torch.use_deterministic_algorithms(True)
                again = [gradient_of(there, x), gradient_of(there, x)]
                torch.use_deterministic_algorithms(False)
                slope = gradient_of(here, x)
                same = (x == y.cpu()).all(1)
                apart = float((log_q - log_r.cpu())[same].abs().max())
                off = float((again[0] - slope).abs().max() / slope.abs().max())
                row = {"graph": name, "head": kind, "dtype": str(dtype).removeprefix("torch.")}
                row["samples apart"] = int((~same).sum())
                rows.append(row | {"log q apart": apart, "gradient apart": off})
                exact = dtype == torch.float64
                held = not (exact and row["samples apart"]) and row["samples apart"] < 0.001 * count + 1
                if not (held and apart < digits and off < digits and torch.equal(*again)):
                    raise SystemExit(f"a law is broken: {rows[-1]}, equal runs {torch.equal(*again)}")
    return rows


def table(rows: list[dict]) -> str:
    """Markdown."""
    lines = [[f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(rows[0]), ["---"] * len(rows[0]), *lines])


def measure(quick: bool = False) -> list[dict]:
    """The laws on this machine; none where Triton is not installed."""
    if find_spec("triton") is None:
        print('No laws: they need Triton, pip install "graphar-arnn[triton]".')
        return []
    if torch.cuda.is_available():
        print(f"Laws on {torch.cuda.get_device_name()}:")
        return laws("cuda", LARGE, 10_000, False)
    if os.environ.get("TRITON_INTERPRET") != "1":  # which Triton reads when it is loaded: begin again
        os.environ["TRITON_INTERPRET"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    print("No GPU: laws by Triton's interpreter on the CPU, and no times.")
    return laws("cpu", dict(list(SMALL.items())[: 1 if quick else None]), 64, quick)


if __name__ == "__main__":
    if rows := measure("--quick" in sys.argv):
        print(table(rows))
