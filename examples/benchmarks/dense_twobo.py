"""TwoBo with dense matrices in torch: what the sparse one is checked and timed against.

    ξ_il = Σ_{j<i} J_jl x_j,   logit_i = 2β (h_i + w_ii ξ_ii) + Σ_{l>i} w_il ξ_il + b_i,

for every i in the natural order, over the l ≥ i with a neighbour before i (I. Biazzo, D. Wu, G. Carleo,
arXiv:2402.16579). J and w are (N, N), and each spin drawn costs a full layer.

python examples/benchmarks/dense_twobo.py    # its log q against the sparse model's
"""

import argparse
from collections.abc import Callable, Iterator

import torch
from cases import BETA, instance, model_of
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

import graphar as ga

MEMORY = 2**28  # numbers that the messages of one log q may take


class DenseTwoBo(nn.Module):
    """The weights of a model in natural order with all pairs, in matrices."""

    def __init__(self, model: ga.Autoregressive) -> None:
        super().__init__()
        frontier, n = model.frontier, model.num_spins
        self.J, self.h = model.graph.to_dense().to(model.dtype), model.graph.h.to(model.dtype)
        weight = torch.zeros(n, n, dtype=model.dtype)
        weight[frontier.pair_reader, frontier.pair_spin] = model.head.weight.detach()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(model.head.bias.detach().clone())
        coupled = self.J != 0
        self.read = [i + coupled[:i, i:].any(0).nonzero()[:, 0] for i in range(n)]  # l ≥ i with a neighbour before i
        self.chunk = max(1, MEMORY // frontier.num_pairs)

    def logits(self, x: Tensor) -> Iterator[Tensor]:
        """Logit of each spin in turn, from those of x (batch, N) before it."""
        row = self.weight.unbind()  # rather than self.weight[i], whose gradient is a matrix for every i
        for i, read in enumerate(self.read):
            messages = x[:, :i] @ self.J[:i].index_select(1, read)
            scale = torch.where(read == i, 2 * BETA, 1.0).to(x)
            yield messages @ (row[i][read] * scale) + (2 * BETA * self.h[i] + self.bias[i])

    @torch.no_grad()
    def sample(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Spins (batch, N) and their log q, one layer per spin."""
        x, log_prob = self.h.new_zeros(batch_size, len(self.h)), self.h.new_zeros(batch_size)
        uniforms = torch.rand(len(self.h), batch_size, generator=generator, dtype=x.dtype)
        for i, logit in enumerate(self.logits(x)):
            x[:, i] = torch.where(uniforms[i] < torch.sigmoid(logit), 1.0, -1.0)
            log_prob += logsigmoid(x[:, i] * logit)
        return x, log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        """log q of spins (batch, N)."""
        return logsigmoid(x * torch.stack(list(self.logits(x)), dim=1)).sum(1)

    def train_step(self, batch_size: int, generator: torch.Generator) -> None:
        """Adds the gradient of β F_q to the weights' .grad."""
        x, log_prob = self.sample(batch_size, generator)
        loss = log_prob - BETA * (0.5 * ((x @ self.J) * x).sum(1) + x @ self.h)
        share = (loss - loss.mean()) / (batch_size - 1)
        for part, weight in zip(x.split(self.chunk), share.split(self.chunk), strict=True):
            (weight * self.log_prob(part)).sum().backward()

    def tasks(self, batch_size: int) -> dict[str, Callable[[], object]]:
        """What is timed, as for the sparse model."""
        generator = torch.Generator().manual_seed(0)
        spins = self.sample(batch_size, generator)[0]
        optimizer = torch.optim.Adam(self.parameters(), lr=1e-3, fused=True)

        @torch.no_grad()
        def log_prob() -> Tensor:
            return torch.cat([self.log_prob(part) for part in spins.split(self.chunk)])

        def train_step() -> None:
            optimizer.zero_grad()
            self.train_step(batch_size, generator)
            optimizer.step()

        return {"sample": lambda: self.sample(batch_size, generator), "log_prob": log_prob, "train": train_step}


@torch.no_grad()
def check(graph: ga.IsingGraph) -> float:
    """Largest difference between the dense and the sparse log q, for the same weights, in float64."""
    model = model_of(graph, "natural", head=ga.heads.Linear(scale=1.0), dtype=torch.float64)
    spins = model.at(BETA).sample(16, seed=0)
    return float((DenseTwoBo(model).log_prob(spins) - model.at(BETA).log_prob(spins)).abs().max())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", nargs="*", default=["2d-16x16", "rrg-256"], help="such as 2d-16x16 or rrg-256")
    for name in parser.parse_args().graphs:
        print(f"{name}: log q of 16 samples, dense − sparse, at most {check(instance(name)):.1e}")
