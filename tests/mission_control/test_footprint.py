"""Run in a process of their own: what they change holds for the whole process."""

import subprocess
import sys

PROGRAM = """
import gc, sys
from mission_control.footprint import settle, without_pandas
without_pandas()
import pyarrow
assert pyarrow.array(["a"]).to_pylist() == ["a"]
assert "pandas" not in sys.modules
try:
    import pandas
except ModuleNotFoundError as error:
    assert "not used here" in str(error)
else:
    raise AssertionError("pandas was imported")
import json
settle()
assert gc.get_freeze_count() > 0
assert gc.get_threshold()[0] > 700
"""


def test_no_pandas_and_a_settled_collector() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pandas_that_is_there_already_stays() -> None:
    program = "import sys; sys.modules['pandas'] = sys; from mission_control.footprint import without_pandas; without_pandas(); assert len(sys.meta_path) == N"
    before = len(sys.meta_path)
    clean = "import sys; print(len(sys.meta_path))"
    count = subprocess.run([sys.executable, "-c", clean], capture_output=True, text=True, check=True).stdout.strip()
    assert before >= 1
    done = subprocess.run([sys.executable, "-c", program.replace("N", count)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
