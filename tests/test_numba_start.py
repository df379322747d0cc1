"""Numba starts without scipy's linear algebra in the program, and still has it where compiled code needs it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

APPLIED = """
import sys
from pphysml_cli.main import main
assert main(["petnet", "data/petnet_singles.root", "--engine", "classical", "-q", "--max-entries", "500", "-o", sys.argv[1]]) == 0
assert "numba.np.arraymath" in sys.modules
assert not any(name.startswith("scipy.linalg") for name in sys.modules)
"""

MULTIPLIED = """
import numba
import numpy as np
a = np.arange(6.0).reshape(2, 3)
assert np.allclose(numba.njit(lambda a, b: a @ b)(a, a.T.copy()), a @ a.T)
assert np.allclose(numba.njit(lambda a: np.kron(a, a))(a), np.kron(a, a))
assert np.allclose(numba.njit(lambda a: np.linalg.inv(a))(a @ a.T), np.linalg.inv(a @ a.T))
import scipy.linalg.cython_blas
assert scipy.linalg.cython_blas.__pyx_capi__
"""


def test_the_program_loads_no_linear_algebra_that_compiled_code_has_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", APPLIED + MULTIPLIED, str(tmp_path / "pairs.root")], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
