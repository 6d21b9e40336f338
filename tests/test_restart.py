"""A site that is stopped or killed while it speaks, and started again."""

import os
import signal

import pytest

from tests.served import served, until


@pytest.fixture
def start(tmp_path):
    with served(tmp_path) as begin:
        yield begin


def kept(tmp_path) -> list[str]:
    """The speeches' files, drafts and all."""
    return [path.name for path in (tmp_path / "instance" / "speeches").iterdir()]


def test_killed_site_names_what_it_had_not_spoken(start, tmp_path):
    site = start(sentence_seconds=600)
    spoken, waiting = site.ask("Начатый текст."), site.ask("Текст в очереди.")
    until(lambda: site.status(spoken)["state"] == "speaking")
    os.kill(site.worker(), signal.SIGKILL)
    site.process.kill()
    site.process.wait()
    assert len(kept(tmp_path)) == 1  # a draft
    again = start(sentence_seconds=0)
    again.inherit_cookies(site)
    log = site.log.read_text("utf-8")
    for text in ("Начатый текст.", "Текст в очереди."):
        assert f"Not spoken before the restart: “{text}” in the voice Anna" in log
    page = again.get("/")
    assert "Tembr was restarted before “Начатый текст.” was spoken." in page and "Текст в очереди." in page
    told = again.status(waiting)
    assert told["state"] == "failed" and "Tembr was restarted before this text was spoken" in told["words"]
    form = again.get(told["page"])
    assert "Текст в очереди.</textarea>" in form and "press Speak again" in form
    assert "before “Текст в очереди.” was spoken" not in again.get("/")
    assert kept(tmp_path) == []
    done = again.ask("Текст в очереди.")
    until(lambda: again.status(done)["state"] == "done")


def test_stopped_site_finishes_its_text_and_names_those_that_waited(start, tmp_path):
    site = start(sentence_seconds=2)
    spoken = site.ask("Этот текст будет озвучен.")
    site.ask("А этот ждал.")
    until(lambda: site.status(spoken)["state"] == "speaking")
    site.process.terminate()
    assert site.process.wait(60) == 0
    assert len(kept(tmp_path)) == 1 and not kept(tmp_path)[0].startswith("draft-")
    again = start(sentence_seconds=0)
    log = site.log.read_text("utf-8")
    assert "Not spoken before the restart: “А этот ждал.”" in log and "“Этот текст будет озвучен.”" not in log
    assert "Этот текст будет озвучен." in again.get("/speeches")
