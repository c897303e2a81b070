"""What several processes share, run under torchrun by test_processes.py, or in one process by the test itself."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import graphar as ga
from graphar import montecarlo as mc
from graphar._support.processes import joined
from graphar.cli.main import main
from graphar.free_energies import search

STEPS = 3


def model_of(seed: int = 0, dtype: torch.dtype = torch.float32, exact_width: int = 0) -> ga.Autoregressive:
    graph = ga.random_regular(24, degree=3, couplings="gaussian", seed=seed)
    return ga.Autoregressive(graph, dtype=dtype, exact_width=exact_width)


def trained(steps: int = STEPS, **options: object) -> tuple[ga.Autoregressive, ga.Run]:
    model = model_of(dtype=torch.float64)
    run = ga.anneal(model, [0.5, 1.0], steps=steps, warmup=2, batch_size=700, seed=3, progress=False, **options)
    return model, run


def everything() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Numbers of every kind of run, of sizes that no number of processes divides: equal ones, and others but rounding.

    Rounding is that of sums of gradients, and of all that trained weights make.
    """
    found: dict[str, torch.Tensor] = {}
    inexact: dict[str, torch.Tensor] = {}

    def keep(name: str, *values: object) -> None:
        found[name] = torch.cat([torch.as_tensor(value).double().flatten() for value in values])

    for name, model, options in (
        ("float32", model_of(), {}),
        ("float64", model_of(dtype=torch.float64), {"clip_norm": 0.5}),
        ("exact sites, quantum", model_of(exact_width=3), {"transverse_field": [1.0, 0.5]}),
    ):
        run = ga.anneal(model, [0.5, 1.0], steps=STEPS, warmup=2, batch_size=700, seed=3, progress=False, **options)
        keep(f"{name}, lowest", run.best_spins)
        weights = [weight.detach().flatten() for weight in model.parameters()]
        inexact[name] = torch.cat([*weights, run.trace.energy.to(model.dtype)])
        inexact[f"{name}, records"] = torch.tensor([each.log_partition for each in run.history] + [run.history[-1].ess])
    untrained = model_of(dtype=torch.float64, exact_width=3).at(1.0)
    result = ga.free_energy(untrained, 1000, seed=1)
    keep("free energy", result.log_partition.value, result.log_partition.stderr, result.pareto_k, result.best_spins)
    few = ga.free_energy(untrained, 20, seed=1)  # all of them are the first process's
    keep("few samples", few.log_partition.value, few.best_spins)
    quantum = ga.quantum_energy(untrained, 1.0, 500)
    keep("quantum energy", quantum.energy.value, quantum.best_spins)
    inexact["flips"] = quantum.sigma_x
    lessons = ga.exact.enumerate(ga.chain(8, couplings="gaussian", seed=1), 1.0)
    pupil = ga.Autoregressive(ga.chain(8, couplings="gaussian", seed=1), dtype=torch.float64)
    fit = ga.fit(pupil, lessons.sample(900, seed=0), 1.0, variational=0.3, steps=8, batch_size=300, progress=False)
    inexact["fit"] = torch.cat([*(weight.detach().flatten() for weight in pupil.parameters())])
    inexact["fit, records"] = torch.tensor([record.objective for record in fit.history])
    graphs = [ga.grid((3, 3), couplings="pm1", seed=k) for k in range(3)]
    general = ga.pretrain(graphs, steps=3, batch_size=100, progress=False)
    inexact["pretraining"] = torch.tensor([record.bound for record in general.history])
    graph = ga.grid((6, 6), couplings="pm1", seed=0)
    quick = {"progress": False, "seed": 5}
    annealed = mc.simulated_annealing(graph, (0.1, 2.0), 20, 1300, **quick)  # bits: in blocks of 512
    keep("annealing, bits", annealed.spins, annealed.energy, annealed.energies)
    annealed = mc.simulated_annealing(graph, (0.1, 2.0), 30, 130, sampler=mc.HeatBath(graph, order="random"), **quick)
    keep("annealing", annealed.spins, annealed.energy, annealed.energies)
    chains = mc.heat_bath(graph, torch.linspace(0.1, 1, 150), 40, 150, **quick)
    keep("chains", chains.spins, chains.energy, chains.energies, chains.flipped)
    clusters = mc.sample(mc.Wolff(graph), 0.5, 20, 70, **quick)
    keep("clusters", clusters.spins, clusters.energies)
    population = mc.population_annealing(graph, (0.0, 1.0), 60, 300, **quick)
    keep("population", population.spins, population.log_partition, population.rho_t)
    tempered = mc.parallel_tempering(graph, ga.linear(0.1, 2, 10), 60, 15, **quick)
    keep(
        "tempering",
        tempered.spins,
        tempered.energy,
        tempered.energies,
        tempered.swap_rate,
        tempered.trips,
        tempered.best_spins,
    )
    few = mc.parallel_tempering(graph, ga.linear(0.1, 2, 4), 40, 2, **quick)  # all of them are one process's
    keep("few systems", few.spins, few.energies, few.trips, few.best_spins)
    return found, inexact


def by_the_clock(folder: Path) -> dict[str, object]:
    """What goes by time and what commands do, with the same said on every process, whose clocks differ."""
    here, clock = joined(), time.monotonic
    graph = ga.grid((5, 5), couplings="gaussian", seed=1)
    time.monotonic = lambda: clock() * (1 + here.rank)
    search.LEAST_SECONDS = 1.0  # models and a population in a short time too
    try:
        found = ga.log_partition(graph, [0.5, 1.0], 1.2, exact=False, checkpoint=folder / "z.pt", progress=False)
        late = mc.population_annealing(graph, (0.0, 1.0), 10**5, 64, time_limit=0.05, progress=False)
    finally:
        time.monotonic = clock
    codes = [
        main(["anneal", "grid:4x4", "--beta", "0.5", "1", "2", "--steps", "2", "--warmup", "0", "--batch-size", "128",
              "--exact-width", "0", "--samples", "500", "--quiet", "--out", str(folder / "anneal")]),
        main(["anneal", "--resume", str(folder / "anneal"), "--quiet"]),
        main(["free-energy", "grid:4x4", "--beta", "1", "--time", "5", "--quiet", "--out", str(folder / "free")]),
        main(["sample", str(folder / "anneal"), "-n", "10", "--out", str(folder / "spins.npy")]),
    ]  # fmt: skip
    said = {"answers": repr(found), "late": [late.sweeps, late.seconds >= 0.05, late.interrupted], "codes": codes}
    here.agree(**said)
    exact = [ga.exact.eliminate(graph, each.beta).log_partition for each in found]
    apart = [each.log_partition.value - log_z for each, log_z in zip(found, exact, strict=True)]
    return said | {"apart": apart, "errors": [each.log_partition.stderr for each in found]}


def complaint(work: Callable[[], object]) -> str:
    try:
        work()
    except ValueError as error:
        return str(error)
    return "none"


def complaints() -> dict[str, str]:
    """What is said of processes that do not do the same, by each of them the same."""
    rank = joined().rank
    found = {
        "graph": complaint(lambda: ga.free_energy(model_of(seed=rank).at(1.0), 100)),
        "samples": complaint(lambda: ga.free_energy(model_of().at(1.0), 100 + rank)),
        "calls": complaint(
            lambda: (
                ga.free_energy(model_of().at(1.0), 100)
                if rank
                else mc.heat_bath(model_of().graph, 1.0, 20, progress=False)
            )
        ),
        "replicas": complaint(lambda: mc.sample(mc.IndependenceMetropolis(model_of().at(1.0)), 1.0, 20)),
    }
    model = model_of()

    class Spoilt(torch.optim.SGD):
        def step(self, closure: object = None) -> None:  # the weights of one process alone are spoilt
            super().step()
            if rank == 1:
                next(iter(model.parameters())).data.fill_(float("nan"))

    found["nan"] = complaint(
        lambda: ga.anneal(
            model, [1.0], steps=3, warmup=0, batch_size=256, progress=False, optimizer=lambda p: Spoilt(p, 0.01)
        )
    )
    return found


def killed(checkpoint: Path, steps: int) -> list[int]:
    """Exit codes of two processes, of which the second is killed after so many steps: the first has to notice."""

    class Deadly(torch.optim.SGD):
        count = 0

        def step(self, closure: object = None) -> None:
            super().step()
            self.count += 1
            if self.count == steps and joined().rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    Deadly.__name__ = "SGD"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    children = []
    for rank in ("0", "1"):
        children.append(os.fork())
        if not children[-1]:  # as torchrun starts one, but that nobody will end it
            os.environ.update(told, RANK=rank)
            try:
                trained(optimizer=lambda p: Deadly(p, 0.01), checkpoint=checkpoint)
            except BaseException as error:
                print(f"process {rank}: {type(error).__name__}: {error}", flush=True)
                os._exit(1)
            os._exit(0)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def run(what: str, out: Path, *more: str) -> None:
    if what == "killed":
        print(killed(out, int(more[0])))
        return
    (found, inexact), timed, said = everything(), by_the_clock(out.parent), complaints()
    joined().agree(**found, **inexact)  # every process has the same results
    with ga.alone():
        assert joined().world == 1
    said["rank"] = str(joined().rank)
    torch.save({"found": found, "inexact": inexact, "said": said, "timed": timed}, out.with_suffix(f".{joined().rank}"))


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
