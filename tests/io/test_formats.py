"""Every format against a worked example."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from graphar.hamiltonians import IsingGraph
from graphar.io import read, write


def spins(n: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product((-1, 1), repeat=n)))


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


# Worked examples: the objective is written out by hand from the text of the file.


def test_edge_list_is_our_own_convention(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.edges", "# three spins\n1 2 1.5\n\n3 2 -2 # strong\n2 0.25\n")
    graph = read(path, base=1)
    s = spins(3).double()
    expected = -1.5 * s[:, 0] * s[:, 1] + 2 * s[:, 1] * s[:, 2] - 0.25 * s[:, 1]
    torch.testing.assert_close(graph.energy(s), expected)


def test_edge_list_base_and_spins_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.edges", "1 2 1\n")
    with pytest.raises(ValueError, match="base must be told"):
        read(path)
    assert read(path, base=1).num_spins == 2
    assert read(path, base=0).num_spins == 3
    assert read(path, base=0, num_spins=7).num_spins == 7
    headed = saved(tmp_path, "b.edges", "# graphar edge list, base 1, spins 5, offset -0.5\n1 2 1\n")
    graph = read(headed)
    assert (graph.num_spins, graph.offset.item(), graph.edge_index[0].tolist()) == (5, -0.5, [0, 1])
    for options in ({"base": 0}, {"num_spins": 4}):
        with pytest.raises(ValueError, match="must agree with the header"):
            read(headed, **options)


@pytest.mark.parametrize(("name", "format"), [("G.txt", "gset"), ("g.rud", None), ("g.mc", None)])
def test_cut_formats_hold_the_cut(tmp_path: Path, name: str, format: str | None) -> None:
    graph = read(saved(tmp_path, name, "4 4\n1 2 3\n2 3 -1\n3 4 2\n4 1 1\n"), format)
    s = spins(4)
    weights = {(0, 1): 3, (1, 2): -1, (2, 3): 2, (3, 0): 1}
    cut = sum(w * (s[:, i] != s[:, j]).double() for (i, j), w in weights.items())
    torch.testing.assert_close((5 - graph.energy(s)) / 2, cut)  # Σw = 5
    assert cut.max() == 5


def test_gset_without_weights_has_ones(tmp_path: Path) -> None:
    graph = read(saved(tmp_path, "g.gset", "3 2\n1 2\n2 3\n"))
    assert graph.edge_weight.tolist() == [-1.0] * 4


@pytest.mark.parametrize("suffix", [".sg", ".gsg"])
def test_sg_has_the_opposite_sign_of_mc(tmp_path: Path, suffix: str) -> None:
    text = "2 1\n1 2 1.5\n"
    assert read(saved(tmp_path, f"a{suffix}", text)).energy([1, 1]) == -1.5
    assert read(saved(tmp_path, "a.mc", text)).energy([1, 1]) == 1.5


QUBO = "3 5\n1 1 -2\n1 2 3\n2 1 1\n2 3 -4\n3 3 0.5\n"


def test_bq_is_the_quadratic_form_as_listed(tmp_path: Path) -> None:
    graph = read(saved(tmp_path, "a.bq", QUBO))
    s = spins(3)
    x = (1 + s.double()) / 2
    Q = torch.tensor([[-2.0, 3, 0], [1, 0, -4], [0, 0, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(graph.energy(s), torch.einsum("bi,ij,bj->b", x, Q, x))


def test_biqmac_counts_off_diagonals_twice(tmp_path: Path) -> None:
    graph = read(saved(tmp_path, "a.sparse", "3 4\n1 1 -2\n1 2 3\n3 2 -4\n3 3 0.5\n"))
    s = spins(3)
    x = (1 + s.double()) / 2
    Q = torch.tensor([[-2.0, 3, 0], [3, 0, -4], [0, -4, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(graph.energy(s), torch.einsum("bi,ij,bj->b", x, Q, x))
    with pytest.raises(ValueError, match="line 4: every entry must be listed once"):
        read(saved(tmp_path, "b.sparse", QUBO))


# http://www.informatik.uni-koeln.de/ls_juenger/research/sgs/example.html: ground-state energy per spin
# −0.98580397885 with the spins 2, 4, 5 and 8 up.
SERVER = """type: gauss
size: 3
name: 3x3 system as a test for this nice service

1 2 -1.089460678023
2 3 0.526296171959
3 1 1.492510060258
4 5 0.542925533731
5 6 0.440804946137
6 4 -0.555618772831
7 8 0.400843564493
8 9 0.005781770273
9 7 -0.283108779696
1 4 -1.428048251086
2 5 0.063139021975
3 6 1.529559080159
4 7 -1.669458764103
5 8 0.193231695455
6 9 1.291781128584
7 1 0.604670335948
8 2 0.890948261885
9 3 -0.822280541834
"""


@pytest.mark.parametrize("text", [SERVER, SERVER.split("\n", 2)[2]])
def test_spin_glass_server_published_ground_state(tmp_path: Path, text: str) -> None:
    graph = read(saved(tmp_path, "a.txt", text), "spin_glass_server")
    s = spins(9)
    energy = graph.energy(s)
    assert energy.min().item() / 9 == pytest.approx(-0.98580397885, abs=1e-11)
    up = {tuple(np.flatnonzero(row > 0) + 1) for row in s[energy < energy.min() + 1e-9].numpy()}
    assert (2, 4, 5, 8) in up


def test_coo_agrees_with_dimod(tmp_path: Path) -> None:
    dimod = pytest.importorskip("dimod")
    from dimod.serialization import coo

    text = "0 0 0.5\n0 1 -1.25\n1 2 2.0\n2 2 -3\n"
    for vartype in ("SPIN", "BINARY"):
        bqm = coo.loads(text, vartype=vartype)
        path = saved(tmp_path, "a.coo", f"# vartype={vartype}\n{text}")
        s = spins(3)
        x = s if vartype == "SPIN" else (1 + s) // 2
        torch.testing.assert_close(read(path).energy(s), torch.as_tensor(bqm.energies((x.numpy(), [0, 1, 2]))))
        write(read(path), tmp_path / "b.coo", vartype=vartype)
        assert coo.loads((tmp_path / "b.coo").read_text()) == bqm
    assert dimod.SPIN.name == "SPIN"


def test_coo_reads_exponents_and_writes_none(tmp_path: Path) -> None:
    graph = read(saved(tmp_path, "a.coo", "0 1 -1e-3\n1 1 2.5E+2\n"), vartype="SPIN")
    assert graph.edge_weight.tolist() == [1e-3, 1e-3]
    assert graph.h.tolist() == [0, -250]
    write(IsingGraph.from_edges([[0], [1]], 1e-300, num_nodes=3), tmp_path / "b.coo")
    assert "e" not in (tmp_path / "b.coo").read_text().split("\n", 1)[1]
    assert read(tmp_path / "b.coo").num_spins == 3


def test_coo_variables_are_told_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vartype must be told"):
        read(saved(tmp_path, "a.coo", "0 1 1\n"))
    with pytest.raises(ValueError, match="vartype must agree"):
        read(saved(tmp_path, "b.coo", "# vartype=SPIN\n0 1 1\n"), vartype="BINARY")
    with pytest.raises(ValueError, match='line 1: vartype must be "SPIN" or "BINARY"'):
        read(saved(tmp_path, "c.coo", "# vartype=REAL\n0 1 1\n"))


QPLIB = """QPLIB_0
QBN
{sense}
3 # number of variables
3 # number of quadratic terms in objective
1 1 4
2 1 -3
3 2 5
1.5 # default value for linear coefficients in objective
1 # number of non-default linear coefficients in objective
2 -2
7 # objective constant
1.0E+308 # value for infinity
0 # default variable primal value in starting point
1 # number of non-default variable primal values in starting point
2 1
0 # default variable bound dual value in starting point
0 # number of non-default variable bound dual values in starting point
1 # number of non-default variable names
1 first
0 # number of non-default constraint names
"""


@pytest.mark.parametrize(("sense", "sign"), [("minimize", 1), ("maximize", -1)])
def test_qplib_halves_the_symmetric_form(tmp_path: Path, sense: str, sign: int) -> None:
    graph = read(saved(tmp_path, "a.qplib", QPLIB.format(sense=sense)))
    s = spins(3)
    x = (1 + s.double()) / 2
    Q = torch.tensor([[4.0, -3, 0], [-3, 0, 5], [0, 5, 0]], dtype=torch.float64)
    objective = torch.einsum("bi,ij,bj->b", x, Q, x) / 2 + x @ torch.tensor([1.5, -2, 1.5]).double() + 7
    torch.testing.assert_close(graph.energy(s), sign * objective)


@pytest.mark.parametrize("old", ["QBN", "3 2 5", "0 # number of non-default constraint names"])
def test_qplib_refuses_other_problems(tmp_path: Path, old: str) -> None:
    new = {"QBN": "QBL", "3 2 5": "2 3 5"}.get(old, "4 # names")
    with pytest.raises(ValueError, match=r"a\.qplib, line (2|8|21): .*expected|lower triangle"):
        read(saved(tmp_path, "a.qplib", QPLIB.format(sense="minimize").replace(old, new)))


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("shape", ["upper", "lower", "symmetric"])
def test_npz_of_scipy_counts_each_edge_once(tmp_path: Path, form: str, shape: str) -> None:
    upper = np.array([[0, 2.0, 0], [0, 0, -1.5], [0, 0, 0]])
    matrix = {"upper": upper, "lower": upper.T, "symmetric": upper + upper.T}[shape]
    scipy.sparse.save_npz(tmp_path / "J.npz", scipy.sparse.coo_matrix(matrix).asformat(form))
    s = spins(3).double()
    expected = -2 * s[:, 0] * s[:, 1] + 1.5 * s[:, 1] * s[:, 2]
    torch.testing.assert_close(read(tmp_path / "J.npz").energy(s), expected)


def test_npz_is_read_by_scipy_and_keeps_everything(tmp_path: Path) -> None:
    pos = [[0, 0], [0, 1], [2, 0.5]]
    graph = IsingGraph.from_edges([[0, 2], [1, 1]], [0.1, 0.0], [0, 0.3, 0], offset=2.5, pos=pos)
    write(graph, tmp_path / "J.npz")
    back = read(tmp_path / "J.npz")
    for name in ("edge_index", "edge_weight", "h", "offset", "pos"):
        assert torch.equal(getattr(back, name), getattr(graph, name))
    J = scipy.sparse.load_npz(tmp_path / "J.npz").toarray()
    assert np.array_equal(J, np.triu(graph.to_dense().numpy()))


@pytest.mark.parametrize("matrix", [[[0, 1], [2, 0]], [[1, 0], [0, 0]]])
def test_npz_refuses_other_matrices(tmp_path: Path, matrix: list[list[int]]) -> None:
    scipy.sparse.save_npz(tmp_path / "J.npz", scipy.sparse.csr_array(np.array(matrix, dtype=float)))
    with pytest.raises(ValueError, match=r"J\.npz: J must"):
        read(tmp_path / "J.npz")
