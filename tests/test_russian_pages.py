"""No page in Russian shows a word of another language, whatever it has to say."""

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from app.voices.voice_file import VoiceFile
from models import VoiceProfile
from tests.fakes import SPOILT, finding

ALLOWED = set(
    "Tembr GitHub MP3 WAV FLAC OGG mp3 mp4 m4a wav flac ogg opus webm aac UTC dBFS API SRT VTT https http "
    "localhost".split()
)
SHOWN = {"alt", "title", "placeholder", "aria-label", "aria-description", "content", "label"}
UNSEEN = {"script", "style"}
VOID = {"meta", "link", "img", "input", "br", "hr", "source", "path"}


class Words(HTMLParser):
    """Collects what is seen, read aloud, or given to the scripts of a page, but for what is said to be English."""

    def __init__(self, page):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self.open.append("" if tag in UNSEEN or values.get("lang") == "en" else tag)
        if all(self.open) and values.get("name") not in ("viewport", "color-scheme"):
            self.texts += [value for name, value in attributes if value and _is_shown(name, value)]

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        if all(self.open):
            self.texts.append(data)


def _is_shown(name, value):
    """Data with a space or an ellipsis in it are sentences for a script; what is to be read aloud is left out."""
    if name == "data-sentences":
        return False
    return name in SHOWN or (name.startswith("data-") and bool(re.search(r"\s|…", value)))


def latin(page):
    """The words of Latin letters that a page shows, beyond names."""
    texts = " \n".join(Words(page).texts)
    return set(re.findall("[A-Za-z][A-Za-z0-9]*", re.sub(r"{\w+}|\.tembr-voice", "", texts))) - ALLOWED


@pytest.fixture
def client(app):
    client = app.test_client()
    client.set_cookie("language", "ru")
    return client


@pytest.fixture
def said(client, bank):
    """Says something in a voice of the bank; the address of the result."""
    bank("Анна", "Борис")
    answer = client.post("/", data={"voice": "1", "text": "Привет, это довольно длинный текст, а не слово."})
    assert answer.status_code == 303
    return answer.location


@pytest.fixture
def upload(recording):
    """What a form sends with a recording."""
    return lambda **fields: {"recording": (io.BytesIO(recording()), "голос.wav"), "consent": "y", **fields}


ADDRESSES = [
    "/",
    "/?voice=2",
    "/voices",
    "/voices?q=нет",
    "/voices/1",
    "/voices/1/rename",
    "/voices/import",
    "/speeches",
    "/speeches?q=нет",
    "/dictionary",
    "/dictionary?q=нет",
    "/verify",
    "/nowhere",
    "/speeches/99",
    "/voices/99",
    "/jobs/none",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_is_russian(client, said, address):
    assert latin(client.get(address).text) == set()


def test_empty_pages_are_russian(client):
    for address in ("/", "/voices", "/speeches", "/dictionary"):
        assert latin(client.get(address).text) == set(), address


def test_result_is_russian(client, said):
    page = client.get(said).text
    assert "Анна" in page and latin(page) == set()


@pytest.mark.parametrize("address", ["/", "/voices", "/voices/import", "/voices/1", "/voices/1/recordings", "/verify"])
def test_refused_form_is_russian(client, said, address):
    page = client.post(address, data={"voice": "", "text": "", "speed": "9", "pitch": "99", "pauses": "99"})
    assert page.status_code == 422
    assert latin(page.text) == set()


@pytest.mark.parametrize(
    "address", ["/", "/voices", "/voices/import", "/verify", "/voices/1/recordings", "/recording/check"]
)
def test_refused_file_is_russian(client, said, upload, address):
    empty = upload(name="Ваня", text="Привет", voice="recording")
    empty["recording"] = (io.BytesIO(b""), "пусто.wav")
    broken = upload(name="Ваня", text="Привет", voice="recording", file=(io.BytesIO(b"x"), "пусто.mp3"))
    broken["recording"] = (io.BytesIO(b"no sound"), "пусто.wav")
    for data in (empty, broken):
        page = client.post(address, data=data)
        assert latin(page.text) == set()


@pytest.mark.parametrize("code", SPOILT)
def test_findings_are_told_in_russian(client, cloner, upload, code):
    cloner.found = [finding(code)]
    page = client.post("/recording/check", data=upload()).text
    assert re.search("[а-яё]{3}", page) and latin(page) == set()


def test_voice_that_was_added_and_its_changes_are_told_in_russian(client, upload):
    answer = client.post("/voices", data=upload(name="Ваня", language="ru", note="Мой голос"), follow_redirects=True)
    assert "Ваня" in answer.text and latin(answer.text) == set()
    for address, data in [
        ("/voices/1", {"name": "Ваня", "note": "Другой"}),
        ("/voices/1/recordings", upload()),
        ("/voices/1/rename", {"name": "Иван"}),
        ("/voices/1/delete", {}),
    ]:
        answer = client.post(address, data=data, follow_redirects=True)
        assert answer.status_code in (200, 422) and latin(answer.text) == set(), address


def test_dictionary_is_russian_when_it_changes_and_refuses(client):
    for data in ({"word": "замок", "respelling": "з+амок"}, {"word": "замок", "respelling": "зам+ок"}):
        assert latin(client.post("/dictionary", data=data, follow_redirects=True).text) == set()
    for respelling in ("", "1", "з+мок", "+а+а", "абвabc"):
        page = client.post("/dictionary/1/change", data={"word": "замок", "respelling": respelling}).text
        assert latin(page.replace("абвabc", "")) == set(), respelling
    assert latin(client.post("/dictionary/1/delete", follow_redirects=True).text) == set()


def test_reading_is_russian(client):
    page = client.post("/reading", data={"text": "Привет, з+амок 5"}).text
    assert "замок" in page.replace("\u0301", "") and latin(page) == set()


def test_recording_used_once_and_its_result_are_russian(client, upload, said):
    data = upload(voice="recording", text="Привет, это я.", format="wav")
    answer = client.post("/", data=data, follow_redirects=True)
    assert "голос" in answer.text and latin(answer.text) == set()


def test_changes_of_the_history_are_told_in_russian(client, said):
    for address in (f"{said}/delete", "/speeches/delete"):
        answer = client.post(address, data={"delete": "all"}, follow_redirects=True)
        assert latin(answer.text) == set(), address


@pytest.mark.parametrize(
    ("fault", "said_of_it"),
    [(MemoryError(), "памяти"), (OSError(28, "No space left on device"), "(на диске нет места)")],
)
def test_fault_while_speaking_is_told_in_russian(client, cloner, said, fault, said_of_it):
    cloner.fault = fault
    page = client.post("/", data={"voice": "1", "text": "Привет"}).text
    assert said_of_it in page and latin(page) == set()


def test_verified_file_is_told_in_russian(client, said):
    content = client.get(f"{said}/audio").data
    page = client.post("/verify", data={"file": (io.BytesIO(content), "речь.mp3")}).text
    assert "Сделано здесь" in page and latin(page) == set()
    page = client.post("/verify", data={"file": (io.BytesIO(np.ones(99).tobytes()), "речь.mp3")}).text
    assert "Файл не опознан" in page and latin(page) == set()


@pytest.mark.parametrize("card", [{part: "я" * 1_001} for part in ("name", "note", "origin", "licence")])
def test_part_of_a_voice_file_that_is_too_long_is_named_in_russian(client, card):
    assert latin(_import(client, _profile(), **card)) == set()


@pytest.mark.parametrize(
    "numbers", [{"pitch": np.array([30.0, 0.2])}, {"mean_mel": np.full(80, 9.0)}, {"seconds": 0.0}]
)
def test_numbers_of_no_voice_are_named_in_russian(client, numbers):
    assert latin(_import(client, _profile(**numbers))) == set()


def _profile(**numbers):
    usual = {"embedding": np.eye(256)[0], "pitch": np.array([5.0, 0.2]), "mean_mel": np.zeros(80), "seconds": 3.0}
    return VoiceProfile(**usual | numbers)


def _import(client, profile, name="Анна", **card):
    """The page that refuses the file of a voice."""
    content = io.BytesIO(VoiceFile(profile, name, **card).to_bytes())
    answer = client.post("/voices/import", data={"voice_file": (content, "голос"), "consent": "y", "name": ""})
    assert answer.status_code == 422 and 'id="voice_file-error"' in answer.text
    return answer.text


def test_latin_words_are_seen():
    assert latin('<html><p title="One">Два <b data-x="Three …">{four}</b><i lang="en">Five</i></p>') == {"One", "Three"}
