"""Tables and pictures of races: energies above the target, how often it was reached, and how soon."""

from pathlib import Path
from statistics import median
from typing import Any

from race_child import REFUSED

import graphar as ga

ROUNDING = 1e-9  # of |target|: energies closer than this are equal
Records = list[dict[str, Any]]


def targets(records: Records, known: dict[str, float | None]) -> dict[tuple[str, int], float]:
    """Of each instance: the lowest energy known, or of all races on it."""
    lowest: dict[tuple[str, int], float] = {}
    for each in records:
        where = each["family"], each["seed"]
        met = each["improvements"][-1][1] if each["improvements"] else float("inf")
        lowest[where] = min(lowest.get(where, float("inf")), met)
    return {where: lowest[where] if known.get(where[0]) is None else known[where[0]] for where in lowest}


def reached_at(record: dict[str, Any], target: float, within: float) -> float | None:
    """Seconds until the target, None where it was missed."""
    enough = target + max(within, ROUNDING) * abs(target)
    return next((seconds for seconds, energy, _ in record["improvements"] if energy <= enough), None)


def gap_at(record: dict[str, Any], target: float, seconds: float) -> float:
    """Energy above the target, in percent of it, ∞ before the first."""
    met = [energy for when, energy, _ in record["improvements"] if when <= seconds]
    return 100 * (met[-1] - target) / max(abs(target), 1e-300) if met else float("inf")


def by_method(records: Records) -> dict[tuple[str, str], Records]:
    """Of each family and method, in their order."""
    groups: dict[tuple[str, str], Records] = {}
    for family in dict.fromkeys(each["family"] for each in records):
        for each in records:
            if each["family"] == family:
                groups.setdefault((family, each["method"]), []).append(each)
    return groups


def table(records: Records, known: dict[str, float | None], within: float = 0.0) -> str:
    """One row for each family and method."""
    best, rows = targets(records, known), []
    for (family, method), races in by_method(records).items():
        if all(each.get("refused") == REFUSED for each in races):
            continue
        goals = [best[each["family"], each["seed"]] for each in races]
        met = [each["improvements"][-1][1] for each in races if each["improvements"]]
        gaps = [gap_at(each, goal, float("inf")) for each, goal in zip(races, goals, strict=True)]
        times = [reached_at(each, goal, within) for each, goal in zip(races, goals, strict=True)]
        known_times = [each["seconds"] if t is None else max(t, 1e-6) for each, t in zip(races, times, strict=True)]
        to = ga.time_to_target(known_times, [t is not None for t in times])
        when = f"{to.seconds:.3g} [{to.lower:.3g}, {to.upper:.3g}]"
        energy = f"{median(met):.8g}" if met else races[0].get("refused", "nothing in time")[:40]
        proofs = sum(each.get("bound", [0, False])[1] for each in races)
        told = f"{median(gaps):.4f}" if met else ""
        rows.append((family, method, str(races[0]["setting"] or ""), energy, told, to, when, proofs))
    head = f"{'family':<20}{'method':<13}{'setting':<24}{'median energy':>15}{'gap %':>10}{'reached':>9}{'proofs':>8}"
    lines = [head + "  seconds to reach the target by 99 % [95 % interval]"]
    for family, method, setting, energy, gap, to, when, proofs in rows:
        start = f"{family:<20}{method:<13}{setting:<24}{energy:>15}{gap:>10}"
        lines.append(f"{start}{f'{to.reached}/{to.runs}':>9}{proofs:>8}  {when}")
    return "\n".join(lines)


def plot(records: Records, known: dict[str, float | None], path: str) -> None:
    """Median gap against time, one panel for each family."""
    import matplotlib.pyplot as plt
    import numpy as np

    groups, best = by_method(records), targets(records, known)
    families = list(dict.fromkeys(family for family, _ in groups))
    figure, axes = plt.subplots(-(-len(families) // 4), 4, figsize=(16, 3 * -(-len(families) // 4)), squeeze=False)
    for (family, method), races in groups.items():
        times = np.geomspace(1e-3, max(each["seconds"] for each in races), 100)
        gaps = [median(gap_at(each, best[family, each["seed"]], t) for each in races) for t in times]
        axis = axes.flat[families.index(family)]
        axis.plot(times, np.maximum(gaps, 1e-4), label=method, drawstyle="steps-post")
        axis.set(title=Path(family).name, xscale="log", yscale="log", xlabel="seconds", ylabel="median gap, %")
    axes.flat[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)
