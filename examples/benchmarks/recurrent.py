"""A training step of the two-dimensional tensorised network, beside a plain PyTorch module stepped site by site.

    s_rc = elu(W [1; x; x'] + (A + x B + x' B') [s; s']),   logit_rc = u · s_rc + c

x, s from the site above and x', s' from the one before (M. Hibat-Allah et al., arXiv:2101.10154). Both draw a batch and
take the gradient of β F_q; first their log q and gradients are compared, for the same weights, in float64. With
d hidden units the plain step multiplies 4 × 6 d² numbers for each site and sample (drawing, log q, and the gradient
twice), ours 3 × 2 d²: the spins choose one matrix of four, and drawing keeps what the gradient needs.

python examples/benchmarks/recurrent.py          # 32×32, 40 hidden units, batch 256, on one thread and two
python examples/benchmarks/recurrent.py --quick  # a 6×6 grid
"""

import argparse
import timeit
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, logsigmoid

import graphar as ga

BETA = 0.5


class Plain(nn.Module):
    """The weights of a model, and nothing of graphar beside."""

    def __init__(self, model: ga.Autoregressive, size: int) -> None:
        super().__init__()
        self.size, self.graph = size, model.graph
        w = {name: weight.detach().clone() for name, weight in model.head.named_parameters()}
        self.features, self.out = nn.Parameter(w["features"][:, 0]), nn.Parameter(w["out"])
        self.recurrent, self.constant = nn.Parameter(w["recurrent"][:, 0].flatten(1, 3)), nn.Parameter(w["constant"])

    def forward(self, x: Tensor, draw: bool) -> Tensor:
        """log q of spins (batch, N), drawn into place or given."""
        weights = (self.features, self.recurrent, self.out, self.constant)
        features, recurrent, out, constant = (w.unbind() * (1 if len(w) > 1 else x.shape[1]) for w in weights)
        nothing, log_prob, states = (x.new_zeros(len(x), self.out.shape[1]), x.new_zeros(len(x), 1)), 0.0, []
        for i in range(x.shape[1]):
            row, column = divmod(i, self.size)
            (s, up), (t, left) = (states[i - self.size] if row else nothing), (states[i - 1] if column else nothing)
            heard = torch.cat([s, t], 1)
            both = torch.cat([heard, up * heard, left * heard], 1)
            seen = torch.cat([torch.ones_like(up), up, left], 1)
            state = elu(both @ recurrent[i] + seen @ features[i])
            logit = state @ out[i] + constant[i]
            if draw:
                x[:, i] = torch.where(torch.rand_like(logit) < torch.sigmoid(logit), 1.0, -1.0)
            states.append((state, x[:, i : i + 1].clone()))
            log_prob = log_prob + logsigmoid(x[:, i] * logit)
        return log_prob

    def step(self, batch_size: int) -> None:
        self.zero_grad()
        x = torch.empty(batch_size, self.size**2)
        with torch.no_grad():
            loss = self(x, True) + BETA * self.graph.energy(x)
        (self(x, False) @ ((loss - loss.mean()) / (batch_size - 1)).to(x)).backward()


def least(function: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the fastest of some runs, after one."""
    return 1e3 * min(timeit.repeat(function, number=1, repeat=repeats + 1)[1:])


def ours_step(model: ga.Autoregressive, batch_size: int) -> None:
    model.zero_grad()
    drawn = next(model.at(BETA).draw(batch_size, 0, differentiable=True))
    loss = drawn.log_prob.detach() + BETA * drawn.energy
    (drawn.log_prob @ ((loss - loss.mean()) / (batch_size - 1))).backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small one, to see it work")
    size, hidden, batch, repeats = (6, 5, 64, 1) if parser.parse_args().quick else (32, 40, 256, 5)
    graph = ga.grid((size, size), couplings="uniform", seed=0)
    for shared in (True, False):
        head = ga.heads.Recurrent("grid", "tensor", hidden, shared=shared, skip=False, scale=1.0)
        ours = ga.Autoregressive(graph, head, ga.natural, dtype=torch.float64)
        theirs, x = Plain(ours, size), ours.at(BETA).sample(16, seed=0)
        values = [ours.at(BETA).log_prob(x), theirs(x, False)]
        slopes = [torch.autograd.grad(v.sum(), m.out)[0] for v, m in zip(values, (ours.head, theirs), strict=True)]
        apart = max(float((a - b).detach().abs().max()) for a, b in (values, slopes))
        print(f"{'shared weights' if shared else 'weights per site'}: same numbers to {apart:.0e}")
        ours.float(), theirs.float()
        for threads in (1, 2):
            torch.set_num_threads(threads)
            plain = least(partial(theirs.step, batch), repeats)
            compiled = least(partial(ours_step, ours, batch), repeats)
            print(f"  threads {threads}: plain {plain:.0f} ms, graphar {compiled:.1f} ms, {plain / compiled:.1f} times")


if __name__ == "__main__":
    main()
