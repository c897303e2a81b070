"""Parts of calibration.py: families of graphs, what is known of their log Z, and methods that estimate it."""

import torch

import graphar as ga

BETAS = [0.5, 1.0, 2.0, 3.0]
FAMILIES = {
    "open grid 16x16 gaussian": lambda seed: ga.grid((16, 16), couplings="gaussian", seed=seed),
    "open grid 16x16 pm1": lambda seed: ga.grid((16, 16), couplings="pm1", seed=seed),
    "torus 16x16 pm1": lambda seed: ga.grid((16, 16), periodic=True, couplings="pm1", seed=seed),
    "torus 32x32 gaussian": lambda seed: ga.grid((32, 32), periodic=True, couplings="gaussian", seed=seed),
    "3-regular 64 gaussian": lambda seed: ga.random_regular(64, degree=3, couplings="gaussian", seed=seed),
    "3-regular 128 pm1": lambda seed: ga.random_regular(128, degree=3, couplings="pm1", seed=seed),
    "cube 4x4x4 pm1": lambda seed: ga.grid((4, 4, 4), couplings="pm1", seed=seed),
    "cube 4x4x4 gaussian": lambda seed: ga.grid((4, 4, 4), couplings="gaussian", seed=seed),
    "SK 20 gaussian": lambda seed: ga.sherrington_kirkpatrick(20, seed=seed),
}
HARD = {
    "3-regular 256 pm1": lambda seed: ga.random_regular(256, degree=3, couplings="pm1", seed=seed),
    "3-regular 1024 pm1": lambda seed: ga.random_regular(1024, degree=3, couplings="pm1", seed=seed),
    "cube 6x6x6 gaussian": lambda seed: ga.grid((6, 6, 6), couplings="gaussian", seed=seed),
    "cube 8x8x8 gaussian": lambda seed: ga.grid((8, 8, 8), couplings="gaussian", seed=seed),
}


def reference(graph, hard, seed):
    """log Z at each β with what is known of its error: exact, or by a longer run of another seed."""
    if hard is None:
        known = ga.log_partition(graph, BETAS, 3600, progress=False)
        assert all(each.exact for each in known)
        return [(each.log_partition.value, 0.0) for each in known]
    return front_door(graph, hard, seed + 1000)


def front_door(graph, seconds, seed):
    found = ga.log_partition(graph, BETAS, seconds, seed, exact=False, progress=False)
    return [(each.log_partition.value, each.log_partition.stderr) for each in found]


def integration(graph, seconds, seed):
    ladder = [0.0, *ga.linear(0.05, 3.0, 60)]
    asked = {"keep": 1000, "burn_in": 500, "time_limit": seconds, "progress": False}
    chains = ga.montecarlo.parallel_tempering(graph, ladder, 10**6, 8, seed, **asked)
    table = ga.thermodynamic_integration(graph, list(chains.energies), ladder).log_partition
    return [(table[k].value, table[k].stderr) for k in (round(20 * beta) for beta in BETAS)]


def population(graph, seconds, seed):
    run = ga.montecarlo.population_annealing(graph, (0.0, 3.0), 100, 2000, seed, progress=False)
    sweeps = max(100, int(100 * seconds / run.seconds))
    run = ga.montecarlo.population_annealing(graph, (0.0, 3.0), sweeps, 2000, seed, progress=False)
    near = [int((run.betas - beta).abs().argmin()) for beta in BETAS]
    log_z = run.log_partition[near] - (torch.tensor(BETAS) - run.betas[near]) * run.mean_energy[near]
    return list(zip(log_z.tolist(), run.log_partition_stderr[near].tolist(), strict=True))


def importance(graph, seconds, seed):
    model, out = ga.Autoregressive(graph, exact_width=6), []
    asked = {"warmup": 0, "batch_size": 256, "seed": seed, "progress": False}
    steps = max(2, int(0.8 * 20 * seconds / 12 / ga.anneal(model, 0.1, 20, **asked).seconds))

    def measure(run):
        if run.history[-1].beta in BETAS:
            found = ga.free_energy(model.at(run.history[-1].beta), 4000, seed=seed).log_partition
            out.append((found.value, found.stderr))

    ga.anneal(model, ga.linear(0.25, 3.0, 12), steps, callbacks=[measure], **asked)
    return out


METHODS = {"log_partition": front_door, "integration": integration, "population": population, "model": importance}
