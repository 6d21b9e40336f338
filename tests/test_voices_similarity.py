"""Speaker similarity: in words, of a speech to its voice, and the nearest other voice of the bank."""

import io
import re

import numpy as np
import pytest

from app.db import LearnedVoice, Lesson, Speech, Voice, db
from app.voices import recordings, similarity
from app.voices.similarity import HEARD_SECONDS, OF_SPEECHES, Heard, in_words, thresholds_of
from models import Adapter, VoiceProfile

TEXT = "Thirty letters are two seconds."


def _payload(**changes):
    return {"voice": "1", "text": TEXT, "format": "wav"} | changes


def _speech(app, number=1):
    with app.app_context():
        return db.session.get(Speech, number)


@pytest.fixture
def voice(bank):
    return bank("Anna")[0]


def _alike(similarity):
    """An embedding of that cosine with the voices of the bank."""
    return np.array([similarity, np.sqrt(1 - similarity**2), *np.zeros(254)])


@pytest.mark.parametrize(
    ("similarity", "words"),
    [(0.95, "very alike"), (0.8, "alike"), (0.7, "somewhat alike"), (0.3, "not alike")],
)
def test_similarity_is_said_in_words(app, similarity, words):
    with app.app_context():
        assert in_words(similarity) == words


@pytest.mark.parametrize(
    ("text", "is_learned", "similarity", "words"),
    [
        ("Hello there.", False, 0.86, "very alike"),
        ("Hello there.", False, 0.81, "alike"),
        ("Hello there.", False, 0.71, "somewhat alike"),
        ("Hello there.", True, 0.81, "very alike"),
        ("Hello there.", True, 0.71, "alike"),
        ("Hello there.", True, 0.59, "not alike"),
        ("Привет, друзья.", False, 1.0, "somewhat alike"),
        ("Привет, друзья.", False, 0.74, "not alike"),
        ("Привет, друзья.", True, 0.81, "very alike"),
        ("Привет, друзья.", True, 0.76, "alike"),
        ("Привет, друзья.", True, 0.64, "not alike"),
        ("123", True, 0.76, "alike"),
    ],
)
def test_words_for_a_speech_are_those_of_its_language_and_of_what_its_voice_learned(
    app, text, is_learned, similarity, words
):
    with app.app_context():
        speech = Speech(text=text, knobs={"is_learned": is_learned})
        assert in_words(similarity, thresholds_of(speech)) == words


def test_speech_of_an_earlier_version_counts_as_of_a_voice_that_was_not_learned(app):
    with app.app_context():
        assert thresholds_of(Speech(text="Hello there.", knobs={})) == OF_SPEECHES["en", False]


@pytest.fixture
def learned(app, voice):
    """Learns the voice, with whatever differs from what is used."""

    def learn(**changes):
        made = {"adapter": Adapter({}).to_bytes(), "made_on": "fake", "is_used": True, "similarity": {}} | changes
        with app.app_context():
            db.session.add(LearnedVoice(voice_id=voice, **made))
            db.session.commit()

    return learn


def _spoken(client, cloner, monkeypatch, similarity, **changes):
    """The page of a speech that is so alike."""
    monkeypatch.setattr(cloner, "embed", lambda waveform, sample_rate: _alike(similarity))
    return client.post("/", data=_payload(**changes), follow_redirects=True).text


def test_speech_knows_whether_its_voice_had_been_learned_whatever_comes_after(
    app, client, cloner, learned, monkeypatch
):
    assert "Compared with the voice: somewhat alike" in _spoken(client, cloner, monkeypatch, 0.76)
    learned()
    assert "Compared with the voice: alike" in _spoken(client, cloner, monkeypatch, 0.76)
    assert "Compared with the voice: somewhat alike" in client.get("/speeches/1").text
    client.post("/voices/1/learn/forget")
    assert "Compared with the voice: alike" in client.get("/speeches/2").text
    assert "Compared with the voice: somewhat alike" in _spoken(client, cloner, monkeypatch, 0.76)


@pytest.mark.parametrize(
    ("changes", "in_use"),
    [({"is_used": False}, "tembr"), ({"made_on": "other weights"}, "tembr"), ({}, "imported")],
    ids=["no better", "other weights", "another synthesizer"],
)
def test_what_was_learned_counts_only_where_it_speaks(client, cloner, learned, monkeypatch, changes, in_use):
    learned(**changes)
    monkeypatch.setattr(cloner, "in_use", {"synthesizer": in_use, "vocoder": "tembr"})
    assert "Compared with the voice: somewhat alike" in _spoken(client, cloner, monkeypatch, 0.76)


def test_what_would_help_is_said_of_a_speech_that_is_not_alike(app, client, cloner, voice, learned, monkeypatch):
    page = _spoken(client, cloner, monkeypatch, 0.79)
    assert f'<a href="/voices/{voice}#learning">Let Tembr learn this voice</a>, and it will sound more' in page
    assert "sound more like the person" not in _spoken(client, cloner, monkeypatch, 0.81)
    with app.app_context():
        db.session.add(Lesson(voice_id=voice))
        db.session.commit()
    assert "This voice is being learned." in client.get("/speeches/1").text
    client.post(f"/voices/{voice}/learn/cancel")
    learned()
    assert "learned since: another take will" in client.get("/speeches/1").text
    assert "What helps: more and longer recordings" in _spoken(client, cloner, monkeypatch, 0.69)
    monkeypatch.setattr(cloner, "fingerprint", "of later weights")
    assert "Let Tembr learn this voice" in client.get("/speeches/1").text
    monkeypatch.setattr(cloner, "can_learn", False)
    assert "What helps: more and longer recordings" in client.get("/speeches/1").text


def test_recording_that_was_used_once_is_better_saved(client, cloner, recording, monkeypatch):
    once = {"voice": "recording", "recording": (io.BytesIO(recording()), "a.wav"), "consent": "y"}
    page = _spoken(client, cloner, monkeypatch, 0.5, **once)
    assert '<a href="/voices">Save this recording as a voice</a>, and it will sound more' in page


@pytest.mark.parametrize("is_deleted", [False, True])
def test_nothing_is_advised_for_a_voice_that_nobody_can_change(app, client, cloner, voice, monkeypatch, is_deleted):
    with app.app_context():
        db.session.get(Voice, voice).origin = "Ours"
        db.session.commit()
    page = _spoken(client, cloner, monkeypatch, 0.3)
    if is_deleted:
        client.post(f"/voices/{voice}/delete")
        page = client.get("/speeches/1").text
    assert "Compared with the voice: not alike" in page
    assert "What helps" not in page and "sound more like the person" not in page


def test_similarity_and_the_nearest_other_voice_are_shown_with_their_figures(app, client, cloner, bank, monkeypatch):
    bank("Anna", "Boris")
    monkeypatch.setattr(cloner, "embed", lambda waveform, sample_rate: _alike(0.91))
    with app.app_context():
        db.session.get(Voice, 1).self_similarity = 0.88
        db.session.commit()
    page = client.post("/", data=_payload(), follow_redirects=True).text
    assert "Compared with the voice: very alike" in page
    assert "<dt>Speech and Anna</dt><dd>0.91</dd>" in page
    assert "<dt>The voice with itself</dt><dd>0.88</dd>" in page
    assert re.search(r"<dt>Speech and Boris, the closest other voice</dt><dd>-?\d\.\d\d</dd>", page)
    assert "Anna, the nearest other voice" not in page


def test_speech_too_short_to_compare_says_so(app, client, voice):
    page = client.post("/", data=_payload(text="Yes."), follow_redirects=True).text
    assert _speech(app).similarity is None
    assert "Too short to compare with the voice" in page


def test_first_seconds_of_a_speech_alone_are_compared_at_its_own_rate_and_once(app, cloner, monkeypatch):
    compared = []
    monkeypatch.setattr(cloner, "embed", lambda *given: compared.append(given) or _alike(0.9))
    heard = Heard(24_000)
    for _ in range(100):
        heard.add(np.ones(24_000))
    with app.app_context():
        assert heard.embedding is heard.embedding
    [(waveform, sample_rate)] = compared
    assert sample_rate == 24_000 and len(waveform) == HEARD_SECONDS * 24_000


def _along(*places, seconds=3.0):
    """A profile whose embedding is the unit vector between those places."""
    embedding = np.eye(256)[list(places)].sum(0)
    return VoiceProfile(embedding / np.linalg.norm(embedding), np.array([5.0, 0.1]), np.zeros(80), seconds)


@pytest.fixture
def keep(app):
    """Puts a voice with that profile into the bank; returns its id."""

    def keep(name, profile):
        with app.app_context():
            return recordings.begin(Voice(name=name), profile, b"ID3 sample").id

    return keep


def _nearest(app, voice_id):
    with app.app_context():
        return similarity.nearest(db.session.get(Voice, voice_id).profile.embedding, voice_id)


def test_nearest_other_voice_is_shown_in_words_with_its_similarity(app, client, keep):
    keep("Anna", _along(0))
    keep("Boris", _along(0, 1))
    keep("Clara", _along(7))
    page = client.get("/voices/1").text
    with app.app_context():
        assert f'<a href="/voices/2">Boris</a>: {in_words(0.71)} (0.71)' in page


def test_only_voice_of_the_bank_has_no_nearest(app, client, keep):
    keep("Anna", _along(0))
    assert _nearest(app, 1) is None
    assert "Closest other voice" not in client.get("/voices/1").text


def test_nearest_voice_is_never_that_of_yesterday(app, client, keep):
    keep("Anna", _along(0))
    keep("Boris", _along(0, 1))
    assert _nearest(app, 1).name == "Boris"
    keep("Clara", _along(0, 0, 0, 1))
    assert _nearest(app, 1).name == "Clara"  # one that came
    with app.app_context():
        db.session.execute(db.update(Voice).where(Voice.id == 3).values(name="Carla"))
        db.session.commit()
    assert _nearest(app, 1).name == "Carla"  # another name
    with app.app_context():
        db.session.get(Voice, 3).profile = _along(9)
        db.session.commit()
    assert _nearest(app, 1).name == "Boris"  # another profile
    client.post("/voices/2/delete")
    assert _nearest(app, 1).name == "Carla"  # one that went


def test_no_profile_is_read_twice(app, keep, monkeypatch):
    for n in range(5):
        keep(f"Voice {n}", _along(n))
    read = []
    monkeypatch.setattr(similarity, "_embedding", lambda number, profile: read.append(number) or np.ones(256))
    _nearest(app, 1)
    _nearest(app, 2)
    assert sorted(read) == [1, 2, 3, 4, 5]
