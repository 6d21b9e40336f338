"""The bank: add, search, rename and delete voices, and what bad input gets."""

import io
import re
from urllib.parse import quote

import numpy as np
import pytest

from app import storage
from app.db import Voice, db
from models import VoiceProfile
from models.recording import load_recording

PROFILE = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)


def _payload(content, file_name="voice.wav", **changes):
    payload = {"name": "Anna", "language": "ru", "note": "", "consent": "y"}
    return payload | {"recording": (io.BytesIO(content), file_name)} | changes


def _voices(app):
    with app.app_context():
        return Voice.bank()


def _files(app):
    return list((app.config["INSTANCE"] / "voices").iterdir())


def test_voice_is_added_with_consent_and_its_date(app, client, recording):
    answer = client.post("/voices", data=_payload(recording(), name="  Анна   К. ", note="from the phone"))
    assert (answer.status_code, answer.location) == (303, "/voices?added=1")
    (voice,) = _voices(app)
    assert (voice.name, voice.language, voice.note) == ("Анна К.", "ru", "from the phone")
    assert voice.seconds == pytest.approx(3.0) and voice.consent_at
    page = client.get(answer.location).text
    assert "“Анна К.” was added" in page and "from the phone" in page


def test_added_voice_can_be_chosen_and_speaks(client, cloner, recording):
    client.post("/voices", data=_payload(recording()))
    assert 'value="1" checked' in client.get("/").text
    assert client.post("/", data={"voice": "1", "text": "Hello."}).status_code == 303


@pytest.mark.parametrize(("kind", "mimetype"), [("wav", "audio/wav"), ("mp3", "audio/mpeg")])
def test_sample_is_the_recording_whatever_its_name_claims(client, recording, kind, mimetype):
    client.post("/voices", data=_payload(recording(kind=kind), "page.html"))
    sample = client.get("/voices/1/sample")
    assert sample.mimetype == mimetype
    assert len(load_recording(sample.data, 60)) == pytest.approx(48_000, abs=2_500)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": ""}, "name", "Enter a name of up to 60 characters."),
        ({"name": "   "}, "name", "Enter a name of up to 60 characters."),
        ({"name": "x" * 61}, "name", "The name is too long: 61 characters. The limit is 60."),
        ({"note": "x" * 201}, "note", "The note is too long: 201 characters. The limit is 200."),
        ({"consent": ""}, "consent", "Tick this box to continue"),
        ({"recording": (io.BytesIO(), "")}, "recording", "Choose a"),
        ({"recording": (io.BytesIO(), "a.wav")}, "recording", "This file is empty"),
        ({"recording": (io.BytesIO(b"poem"), "a.wav")}, "recording", "cannot be read as audio"),
    ],
)
def test_wrong_field_is_refused_with_its_limit_and_the_rest_stays(app, client, recording, changes, field, message):
    answer = client.post("/voices", data=_payload(recording(), **{"note": "kept", **changes}))
    assert answer.status_code == 422
    error = answer.text.split(f'id="{field}-error" role="alert">')[1].split("</p>")[0]
    assert message in error
    assert field == "note" or 'value="kept"' in answer.text
    assert _voices(app) == [] and _files(app) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loudness": 0.0}, "The recording is silent"),
        ({"seconds": 1.0}, "1.0 s of speech; at least 1.6 s"),
        ({"seconds": 61}, "The limit is 60 s"),
    ],
)
def test_recording_that_shows_no_voice_is_refused(app, client, recording, given, message):
    answer = client.post("/voices", data=_payload(recording(**given)))
    assert answer.status_code == 422 and message in answer.text
    assert _voices(app) == [] and _files(app) == []


@pytest.mark.parametrize("name", ["Анна", "анна", " АННА ", "Анна\u200a"])
def test_taken_name_is_refused_whatever_its_case(app, client, bank, recording, name):
    bank("Анна")
    answer = client.post("/voices", data=_payload(recording(), name=name))
    assert answer.status_code == 422 and "already a voice named “Анна”" in answer.text.replace(name.strip(), "Анна")
    assert len(_voices(app)) == len(_files(app)) == 1


def test_two_tabs_taking_one_name_at_once_get_one_voice(app, client, bank, recording, monkeypatch):
    monkeypatch.setattr(Voice, "named", lambda name: None)  # as if both had been validated before either was kept
    bank("Anna")
    answer = client.post("/voices", data=_payload(recording()))
    assert answer.status_code == 422 and "already a voice named “Anna”" in answer.text
    assert len(_voices(app)) == len(_files(app)) == 1


def test_full_disk_leaves_no_voice(app, client, recording, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.Path, "write_bytes", full)
    answer = client.post("/voices", data=_payload(recording()))
    assert "No space left on device" in answer.text and 'value="Anna"' in answer.text
    assert _voices(app) == [] and _files(app) == []


def test_voice_is_renamed(app, client, bank):
    bank("Anna")
    page = client.post("/voices/1/rename", data={"name": "Анна"}, follow_redirects=True).text
    assert "Renamed to “Анна”." in page
    assert _voices(app)[0].name_key == "анна"


def test_voice_may_change_the_case_of_its_own_name(app, client, bank):
    bank("anna")
    assert client.post("/voices/1/rename", data={"name": "Anna"}).status_code == 303
    assert _voices(app)[0].name == "Anna"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("boris", "already a voice named “boris”"),
        ("", "Enter a name of up to 60 characters"),
        ("x" * 61, "61 characters"),
    ],
)
def test_wrong_new_name_is_refused_at_its_voice(app, client, bank, name, message):
    bank("Anna", "Boris")
    answer = client.post("/voices/1/rename", data={"name": name})
    assert answer.status_code == 422
    assert message in answer.text.split('id="name-1-error" role="alert">')[1].split("</p>")[0]
    assert 'id="name-2-error"' not in answer.text
    assert sorted(voice.name for voice in _voices(app)) == ["Anna", "Boris"]


def test_deleted_voice_is_gone_with_its_recording(app, client, bank):
    bank("Anna", "Boris")
    page = client.post("/voices/1/delete", follow_redirects=True).text
    assert "“Anna” and its recordings were deleted." in page
    assert [voice.name for voice in _voices(app)] == ["Boris"]
    assert len(_files(app)) == 1


def test_voice_deleted_in_another_tab_is_said_to_be_gone(client, bank):
    bank("Anna")
    client.post("/voices/1/delete")
    answer = client.post("/voices/1/rename", data={"name": "Boris"})
    assert answer.status_code == 404 and "It may have been deleted" in answer.text


def test_second_click_on_delete_finds_the_voice_deleted(client, bank):
    bank("Anna")
    client.post("/voices/1/delete")
    answer = client.post("/voices/1/delete", follow_redirects=True)
    assert answer.status_code == 200 and "This voice was already deleted." in answer.text


def test_voice_whose_recording_is_missing_is_deleted_all_the_same(app, client, bank):
    bank("Anna")
    for path in _files(app):
        path.unlink()
    assert client.get("/voices/1/sample").status_code == 404
    assert client.post("/voices/1/delete", follow_redirects=True).status_code == 200
    assert _voices(app) == []


def test_taken_name_comes_with_a_free_one(client, bank, recording):
    bank("Anna", "Anna 2")
    answer = client.post("/voices", data=_payload(recording()))
    assert "Choose another name, such as “Anna 3”." in answer.text
    assert client.post("/voices", data=_payload(recording(), name="Anna 3")).status_code == 303


def test_suggested_name_is_not_longer_than_a_name_may_be(client, bank, recording):
    bank("x" * 60)
    answer = client.post("/voices", data=_payload(recording(), name="x" * 60))
    assert f"“{'x' * 58} 2”" in answer.text


def _names(page):
    """The names of the voices in the list, in its order."""
    return re.findall(r'<h3><a href="/voices/\d+">(.*?)</a></h3>', page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("анна", ["Анна"]),
        ("АНН", ["Анна"]),
        ("пётр", ["Пётр"]),
        ("петр", ["Пётр"]),
        ("ПЕТР", ["Пётр"]),
        ("radio", ["Boris"]),
        ("the RADIO boris", ["Boris"]),
        ("медведь", ["Boris"]),
        ("%", []),
        ("_", []),
        ("a" * 300, []),
        ("  ", ["Boris", "Пётр", "Анна"]),
    ],
)
def test_bank_is_searched_by_name_and_note_without_case_and_yo(app, client, bank, query, found):
    bank("Анна", "Пётр", "Boris")
    with app.app_context():
        Voice.named("Boris").note = "From the radio, Мёдведь"
        db.session.commit()
    page = client.get("/voices", query_string={"q": query}).text
    assert _names(page) == found
    assert found or "No voices match" in page


def test_renamed_voice_is_found_by_its_new_name_and_its_old_note(app, client, bank):
    bank("Anna")
    with app.app_context():
        Voice.named("Anna").note = "a storyteller"
        db.session.commit()
    client.post("/voices/1/rename", data={"name": "Борис"})
    assert _names(client.get("/voices?q=борис storyteller").text) == ["Борис"]
    assert _names(client.get("/voices?q=anna").text) == []


def test_long_bank_comes_in_pages(app, client, bank):
    app.config["VOICES_PER_PAGE"] = 2
    bank("A", "B", "C", "D", "E")
    first, second, last = (client.get(f"/voices?page={n}").text for n in (1, 2, 3))
    assert [_names(page) for page in (first, second, last)] == [["E", "D"], ["C", "B"], ["A"]]
    assert "Page 2 of 3" in second and "page=1" in second and "page=3" in second
    assert 'rel="prev"' not in first and 'rel="next"' not in last


@pytest.mark.parametrize("number", ["99", "0", "-1", "x"])
def test_page_that_is_not_there_shows_one_that_is(app, client, bank, number):
    app.config["VOICES_PER_PAGE"] = 2
    bank("A", "B", "C")
    assert _names(client.get(f"/voices?page={number}").text) in (["C", "B"], ["A"])


def test_search_and_page_stay_after_a_rename_and_a_deletion(app, client, bank):
    app.config["VOICES_PER_PAGE"] = 1
    bank("Anna", "Anna B", "Boris")
    page = client.get("/voices?q=anna&page=2").text
    assert 'action="/voices/1/rename?q=anna&amp;page=2"' in page
    answer = client.post("/voices/1/rename?q=anna&page=2", data={"name": "Anna C"})
    assert answer.location == "/voices?q=anna&page=2"
    refused = client.post("/voices/1/rename?q=anna&page=2", data={"name": "boris"})
    assert refused.status_code == 422 and 'id="name-1-error"' in refused.text
    assert client.post("/voices/1/delete?q=anna&page=2").location == "/voices?q=anna&page=2"
    assert _names(client.get("/voices?q=anna&page=2").text) == ["Anna B"]


def test_empty_bank_says_how_to_begin(client):
    assert "No voices yet. Add the first one above." in client.get("/voices").text


def test_ready_voice_shows_where_it_comes_from(app, client):
    with app.app_context():
        db.session.add(Voice(name="Zoe", profile=PROFILE, seconds=1, origin="A corpus", licence="CC0", file_name=""))
        db.session.commit()
    page = client.get("/voices").text
    assert "ready-made voice" in page and "A corpus. Licence: CC0" in page
    assert "/voices/1/sample" not in page  # it has none


def test_refused_rename_can_be_reloaded(client, bank):
    bank("Anna")
    assert client.get("/voices/1/rename?page=2").location == "/voices?page=2"


def test_voices_added_here_come_first(app, client, bank):
    bank("Anna", "Boris")
    with app.app_context():
        db.session.add(
            Voice(name="Zoe", profile=PROFILE, seconds=1, origin="A corpus", licence="CC0", file_name="z.mp3")
        )
        db.session.commit()
    assert [voice.name for voice in _voices(app)] == ["Boris", "Anna", "Zoe"]


def test_name_is_shown_as_text(client, bank):
    bank("<b>Anna")
    for address in ("/", "/voices"):
        page = client.get(address).text
        assert "<b>Anna" not in page and "&lt;b&gt;Anna" in page


@pytest.mark.parametrize("address", ["voices/{}", "voices/{}/sample", "voices/{}/export", "speeches/{}"])
def test_number_that_no_database_holds_names_nothing(client, address):
    assert client.get("/" + address.format("9" * 30)).status_code == 404


@pytest.mark.parametrize("address", ["?voice={}", "voices?page={}", "voices?added={}", "dictionary?page={}"])
def test_number_that_means_nothing_is_passed_over(client, bank, address):
    bank("Anna")
    for number in ("9" * 30, "-" + "9" * 30):
        assert client.get("/" + address.format(number)).status_code == 200


@pytest.mark.parametrize("address", ["/voices?q=", "/voices/choices?find=", "/dictionary?q=", "/speeches?q="])
@pytest.mark.parametrize("words", ["cat " * 1_500, "a" * 60_000, "\0"])
def test_search_beyond_all_measure_is_no_fault(client, bank, address, words):
    bank("Anna")
    client.post("/dictionary", data={"word": "Anna", "respelling": "Anna"})
    client.post("/", data={"voice": "1", "text": "Anna"})
    answer = client.get(address + quote(words))
    assert answer.status_code == 200 and "\0" not in answer.text


def _offered(page):
    return re.findall(r'<span class="name">(.*?)</span>', page)


@pytest.mark.parametrize(("language", "order"), [("en", ["Own", "Emma", "Анна"]), ("ru", ["Own", "Анна", "Emma"])])
def test_ready_voices_in_the_language_of_the_page_come_first(app, client, bank, language, order):
    ids = dict(zip(("Emma", "Анна", "Own"), bank("Emma", "Анна", "Own"), strict=True))
    with app.app_context():
        for name, spoken in (("Emma", "en"), ("Анна", "ru")):
            voice = db.session.get(Voice, ids[name])
            voice.origin, voice.language = "A corpus", spoken
        db.session.commit()
    headers = {"Accept-Language": language}
    assert _offered(client.get("/", headers=headers).text) == order
    page = client.get("/voices", headers=headers).text
    assert sorted(order, key=lambda name: page.index(f'id="voice-{ids[name]}"')) == order
    client.post(f"/voices/{ids['Own']}/delete")
    assert re.search(rf'value="{ids[order[1]]}" checked', client.get("/", headers=headers).text)


def test_script_is_told_the_next_page_and_leaves_its_messages_to_it(client, bank):
    bank("Anna")
    told = client.post(
        "/voices/1/rename", data={"name": "Анна"}, headers={"Accept": "application/json, text/html;q=0.9"}
    )
    assert (told.status_code, told.json) == (200, {"page": "/voices"})
    assert "Renamed to “Анна”." in client.get("/voices").text
