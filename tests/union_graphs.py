"""Small graphs of odd and even sizes, with and without fields, couplings, components, for unions of them."""

import torch

import graphar as ga

NO_EDGES = torch.zeros(2, 0, dtype=torch.int64)

GRAPHS = [
    ga.random_regular(10, degree=3, couplings="pm1", seed=1),
    ga.chain(5, couplings="ferromagnet"),
    ga.grid((3, 3), couplings="gaussian", field=0.3, seed=1),
    ga.IsingGraph.from_edges(NO_EDGES, [], [0.3]),  # one spin
    ga.IsingGraph.from_edges(NO_EDGES, [], [0.1, -0.2, 0.3], offset=2.0),
    ga.IsingGraph.from_edges([[0, 3], [2, 4]], [1.0, -0.5], num_nodes=6, dtype=torch.float32, offset=-1.0),  # in parts
    ga.sherrington_kirkpatrick(9, seed=2),
]
