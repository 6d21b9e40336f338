"""What a site tells who watches over it."""

import errno
import io
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app import startup
from app.db import db


@pytest.fixture
def started(app):
    """A site after its start."""
    startup.start(app)
    yield app
    app.extensions["serving"].close()


def figures(client, **headers) -> dict[str, float]:
    """What /metrics says, by the name and labels of each figure."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain; version=")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_process_answers_also_before_it_can_speak(client):
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.json["checks"]["warm"] is False


def test_started_site_is_ready(started):
    answer = started.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok",
        "checks": {"networks": True, "warm": True, "database": True, "disk": True},
    }
    assert answer.cache_control.no_store


def test_networks_say_a_sentence_of_each_language_before_the_first_request(app, bank, cloner):
    bank("Anna")
    startup.start(app)
    app.extensions["serving"].close()
    assert [spoken["words"][0].isascii() for spoken in cloner.said] == [False, True]


def test_damaged_voice_keeps_no_site_from_its_start(app, bank):
    bank("Anna")
    with app.app_context():
        db.session.execute(text("UPDATE voice SET profile = x'00'"))
        db.session.commit()
    startup.start(app)
    app.extensions["serving"].close()
    assert app.test_client().get("/readyz").status_code == 200


def test_database_that_does_not_answer_is_told(started, monkeypatch):
    def refuse(*_):
        raise OperationalError("SELECT 1", {}, Exception("database is locked"))

    monkeypatch.setattr(db.session, "execute", refuse)
    answer = started.test_client().get("/readyz")
    assert answer.status_code == 503
    assert [name for name, is_well in answer.json["checks"].items() if not is_well] == ["database"]


def test_full_disk_is_told(started, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("app.health.tempfile.TemporaryFile", refuse)
    answer = started.test_client().get("/readyz")
    assert answer.status_code == 503
    assert [name for name, is_well in answer.json["checks"].items() if not is_well] == ["disk"]


def test_probing_leaves_no_file_behind(started):
    started.test_client().get("/readyz")
    assert list((started.config["INSTANCE"] / "speeches").iterdir()) == []


def test_probes_ask_for_no_password_but_pages_do(make_app):
    client = make_app(PASSWORD="x").test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/voices").status_code == 401


def test_figures_tell_requests_stages_and_memory(client, bank):
    bank("Anna")
    client.get("/voices"), client.get("/nowhere")
    client.post("/", data={"voice": "1", "text": "Привет, мир!"})
    told = figures(client)
    assert told['tembr_requests_total{endpoint="voices.bank",method="GET",status="200"}'] == 1
    assert told['tembr_requests_total{endpoint="none",method="GET",status="404"}'] == 1
    for stage in ("read", "speak", "compare", "keep"):
        assert told[f'tembr_stage_seconds_count{{stage="{stage}"}}'] == 1, stage
    assert told["tembr_spoken_seconds_total"] == pytest.approx(0.72, abs=0.05)
    assert told["tembr_real_time_factor"] > 0
    assert told["tembr_queue_length"] == 0
    assert 50e6 < told["process_resident_memory_bytes"] < 5e9


def test_listening_to_a_recording_is_a_stage(client, recording):
    client.post("/voices", data={"name": "Anna", "consent": "y", "recording": (io.BytesIO(recording()), "a.wav")})
    assert figures(client)['tembr_stage_seconds_count{stage="listen"}'] == 1


def test_queue_is_counted_while_texts_wait(client, bank, cloner):
    bank("Anna")
    may = threading.Semaphore(0)
    cloner.between = may.acquire
    script = {"Accept": "application/json"}
    for said in ("Раз.", "Два.", "Три."):
        assert client.post("/", data={"voice": "1", "text": said}, headers=script).status_code == 202
    told = figures(client)["tembr_queue_length"]
    may.release(100)
    assert told in (2, 3)  # the first may not have begun


def test_names_that_clients_make_up_make_no_new_figures(client):
    for number in range(20):
        client.open(f"/{number}", method=f"MADE{number}")
    assert sum(name.startswith("tembr_requests_total{") for name in figures(client)) == 1


def test_figures_are_for_the_token_when_there_is_one(make_app):
    client = make_app(METRICS_TOKEN="secret", PASSWORD="x").test_client()
    assert figures(client, Authorization="Bearer secret")
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic c2VjcmV0"}):
        assert client.get("/metrics", headers=headers).status_code == 401


def test_figures_without_a_token_are_for_this_machine_alone(make_app):
    client = make_app().test_client()
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.168.1.7"}).status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    behind = make_app(PROXIES=1).test_client()
    assert behind.get("/metrics", headers={"X-Forwarded-For": "9.9.9.9"}).status_code == 403
