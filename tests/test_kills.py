"""kill -9 between any two writes: what was confirmed is there, the rest is wholly there or not at all."""

import json
import os
import subprocess
import sys

import pytest

from config import ROOT

BEFORE = {"voices": {"Anna": 1, "Boris": 1}, "speeches": ["One.", "Two."]}
DOES = {  # action -> what it changes
    "add a voice": {"voices": {"Anna": 1, "Boris": 1, "New": 1}},
    "add a recording": {"voices": {"Anna": 2, "Boris": 1}},
    "speak": {"speeches": ["One.", "Two.", "New."]},
    "delete a voice": {"voices": {"Anna": 1}},
    "delete a speech": {"speeches": ["Two."]},
}
AT_LEAST = {"add a voice": 5, "add a recording": 5, "speak": 8, "delete a voice": 4, "delete a speech": 4}  # points


@pytest.fixture
def folder(make_app, bank, client, app, tmp_path):
    """A folder with an instance that has two voices and two speeches, and that nobody serves."""
    bank("Anna", "Boris")
    for text in ("One.", "Two."):
        assert client.post("/", data={"voice": "1", "text": text}).status_code == 303
    from app.db import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    (tmp_path / "kills").mkdir()
    return (tmp_path / "instance").rename(tmp_path / "kills" / "base").parent


@pytest.mark.parametrize("action", DOES)
def test_what_was_confirmed_outlives_a_kill_at_any_write(folder, action):
    run = subprocess.run(
        [sys.executable, "-m", "tests.killed", str(folder), action],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    *killed, whole = map(json.loads, run.stdout.splitlines())
    assert len(killed) >= AT_LEAST[action], [one["at"] for one in killed]
    after = BEFORE | DOES[action]
    for one in [*killed, whole]:
        assert not one["broken"] and not one["missing"] and not one["orphans"] and not one["half"], one
        state = {name: one[name] for name in BEFORE}
        assert state in (BEFORE, after), one
        assert not one["confirmed"] or state == after, one
        assert one["queue"] == 0 and one["profiles"] == len(one["voices"])
    assert whole["confirmed"] and whole["status"] == 0
    if action == "speak":  # what was taken into the queue and not spoken is named
        taken = [one for one in killed if one["interrupted"]]
        assert taken and all(one["interrupted"] == ["New."] for one in taken)
        assert all(one["interrupted"] or one["speeches"] == after["speeches"] for one in killed[2:]), killed
