"""The tests are shared out among processes only where that saves time."""

import os
from types import SimpleNamespace

import pytest

from tests.conftest import pytest_configure, pytest_xdist_auto_num_workers

HERE = "tests/test_conftest.py"
OTHERS = ["tests/test_app.py", "tests/test_db.py::test_one"]


@pytest.mark.parametrize(
    ("arguments", "cores", "processes"),
    [
        (["tests"], 1, 0),
        (["tests"], 2, 2),
        (["tests"], 64, 4),
        ([HERE], 64, 0),
        ([f"{HERE}::test_one", f"{HERE}::test_two"], 64, 0),
        ([HERE, *OTHERS], 64, 3),
        ([HERE, *OTHERS], 2, 2),
        ([HERE, "tests"], 64, 4),
    ],
)
def test_processes_are_no_more_than_cores_and_files(monkeypatch, arguments, cores, processes):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)), raising=False)
    assert pytest_xdist_auto_num_workers(SimpleNamespace(args=arguments)) == processes


@pytest.mark.parametrize(("processes", "threads"), [(None, "6"), (0, "6"), (2, "3"), (4, "1"), (8, "1")])
def test_processes_share_the_threads(monkeypatch, processes, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    pytest_configure(SimpleNamespace(option=SimpleNamespace(numprocesses=processes)))
    assert os.environ["OMP_NUM_THREADS"] == threads
