"""After sampling and training, pools of processes work, however they are started."""

import sys
from pathlib import Path

import pytest
from fresh_process import run_code

START = """
import multiprocessing, sys, warnings
from concurrent.futures import ProcessPoolExecutor
import torch
import graphar as ga
warnings.simplefilter("ignore")
torch.set_num_threads(2)
model = ga.Autoregressive(ga.grid((4, 4), couplings="pm1", seed=0))

def draw(seed):
    return float(model.graph.energy(model.at(0.5).sample(300, seed=seed)).sum())

def learn(seed):
    ga.anneal(model, 0.5, steps=2, warmup=0, batch_size=200, seed=seed, progress=False)
    return draw(seed)

class Draws(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, seed):
        return draw(seed)
"""
WAYS = {
    "Pool": "with multiprocessing.get_context('fork').Pool(2) as pool: found = pool.map(draw, range(4))",
    "Executor": (
        "with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('fork')) as pool:\n"
        "    found = list(pool.map(draw, range(4)))"
    ),
    "DataLoader": "found = [float(x) for x in torch.utils.data.DataLoader(Draws(), batch_size=None, num_workers=2)]",
}


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("way", WAYS)
def test_forked_workers_draw_what_their_parent_draws(way: str, tmp_path: Path) -> None:
    code = START + "learn(1)\nexpected = [draw(k) for k in range(4)]\n" + WAYS[way] + "\nassert found == expected\n"
    run_code(code, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_forked_workers_train(tmp_path: Path) -> None:
    code = (
        START + "learn(1)\nwith multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(learn, range(2)))"
    )
    run_code(code, tmp_path)
