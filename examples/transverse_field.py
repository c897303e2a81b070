"""Quantum annealing of a chain of 20 spins: variational energies beside the exact ones of free fermions."""

from __future__ import annotations

import argparse

import graphar as ga


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spins", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few steps on few spins")
    options = parser.parse_args()
    n = 8 if options.quick else options.spins
    steps, batch, samples = (30, 64, 500) if options.quick else (300, 512, 20_000)

    graph = ga.chain(n, couplings="ferromagnet")
    # Ground states in a transverse field are correlated beyond neighbours: a head that reads all spins drawn before.
    model = ga.Autoregressive(graph, ga.heads.SingleLayer, ga.natural, seed=options.seed)
    fields = ga.linear(2.0, 1.0, 5)  # to the critical point, Γ = J
    run = ga.anneal(
        model,
        transverse_field=fields,
        steps=steps,
        warmup=steps,
        batch_size=batch,
        evaluate_samples=samples,
        seed=options.seed,
        progress=False,
    )
    print(graph)
    print(f"{'field':>8} {'exact':>12} {'variational':>22} {'relative':>10} {'variance':>10} {'gap':>8}")
    for record in run.history:
        exact = ga.exact.transverse_chain(graph, record.transverse_field)
        energy = ga.Estimate(record.quantum_energy, record.quantum_energy_stderr)
        excess = 1 - record.quantum_energy / exact.ground_energy
        print(
            f"{record.transverse_field:8.3f} {exact.ground_energy:12.5f} {energy!r:>22} {excess:10.1e} "
            f"{record.quantum_variance:10.3g} {exact.gap:8.4f}"
        )
    last = ga.quantum_energy(model.at(1.0), fields[-1], samples)
    sigma_x = ga.exact.transverse_chain(graph, fields[-1]).sigma_x
    print(f"⟨σ^x⟩ in the middle: {float(last.sigma_x[n // 2]):.4f}, exact {float(sigma_x[n // 2]):.4f}")
    print(f"{run.seconds:.1f} s of training, {ga.adiabaticity(run)}")


if __name__ == "__main__":
    main()
