"""What this machine's arithmetic and memory allow: the bound that sampling is measured against."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import ThreadPool

import numpy as np
import torch
from cases import seconds_of
from numba import njit

# Assumed for a drawn spin: a counter-based random word in 60 integer operations; its logarithm, the logistic and the
# logarithm of that in 30 floating ones. A multiply-add, a shift, … counts as one operation.
RANDOM, DRAWING = 60, 30


@dataclass(frozen=True)
class Machine:
    """Rates of all threads together: operations on 4-byte numbers per second, and bytes per second."""

    threads: int
    multiply_adds: float
    integer: float
    floating: float
    second_level: float
    memory: float

    def sampling_bound(self, multiply_adds: int, spins: int) -> float:
        """Seconds for so many w·ξ and J·x, and so many drawn spins."""
        return multiply_adds / self.multiply_adds + spins * (RANDOM / self.integer + DRAWING / self.floating)

    def __str__(self) -> str:
        return (
            f"{self.threads} thread{'s' * (self.threads > 1)}: {self.multiply_adds / 1e9:.1f} G multiply-adds/s, "
            f"{self.integer / 1e9:.1f} G integer and {self.floating / 1e9:.1f} G floating operations/s; "
            f"{self.second_level / 1e9:.0f} GB/s from second-level cache, {self.memory / 1e9:.0f} GB/s from memory"
        )


@njit(nogil=True, fastmath={"contract", "reassoc"})
def multiply_add(times: int, numbers: np.ndarray) -> None:  # one operand from the cache, sums in registers
    half = numbers.size // 2
    left, right, one, two = numbers[:half], numbers[half:], np.float32(0), np.float32(0)
    for turn in range(times):
        w, v = numbers[turn % 8], numbers[turn % 8 + 1]
        for k in range(half):
            one += w * left[k]
            two += v * right[k]
    numbers[0] = one + two


@njit(nogil=True)
def integer(times: int, words: np.ndarray) -> None:  # 60 operations a word
    for _ in range(times):
        for k in range(words.size):
            x = words[k]
            for _ in range(15):
                x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) * np.uint32(0x2C1B3C6D) + np.uint32(77))
            words[k] = x


@njit(nogil=True, fastmath={"contract"})
def floating(times: int, numbers: np.ndarray) -> None:  # 30 operations a number, in two chains
    for _ in range(times):
        for k in range(numbers.size):
            one = two = numbers[k]
            for _ in range(15):
                one, two = one * np.float32(0.3) + np.float32(0.2), two * np.float32(0.2) + np.float32(0.3)
            numbers[k] = one * two


def rate(probe: Callable, each: int, count: int, threads: int, dtype: type = np.float32, turns: int = 9) -> float:
    """Operations per second of all threads, each on numbers of its own; the best of some turns."""
    data = [np.full(count + 16, 0.3).astype(dtype) for _ in range(threads)]
    # from the start of a cache line on: vectors across two of them are read at half the rate
    data = [numbers[-numbers.ctypes.data % 64 // 4 :][:count] for numbers in data]
    work = partial(probe, 2**28 // (count * each) + 1)
    with ThreadPool(threads) as pool:
        seconds = [seconds_of(lambda: pool.map(work, data, chunksize=1)) for _ in range(turns)]
    return threads * work.args[0] * count * each / min(seconds[1:])


def measure(threads: int, turns: int = 9) -> Machine:
    """Probe this machine with so many threads."""
    first, second, memory = (rate(multiply_add, 1, count, threads, turns=turns) for count in (2**12, 2**16, 2**24))
    drawing = rate(integer, 60, 2**12, threads, np.uint32, turns), rate(floating, 30, 2**12, threads, turns=turns)
    return Machine(threads, first, *drawing, 4 * second, 4 * memory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="*", default=sorted({1, torch.get_num_threads()}))
    parser.add_argument("--turns", type=int, default=9, help="measurements of each rate, of which the best counts")
    parser.add_argument("--quick", dest="turns", action="store_const", const=2, help="as few as can be")
    options = parser.parse_args()
    print(*(measure(number, options.turns) for number in options.threads), sep="\n")
