"""./tembr speak and read, with a stand-in for the networks: what is asked of them, and what is written and said."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch

import app
from app import cli, startup
from app.db import Pronunciation, Voice, db
from app.speak.request import SpeechRequest
from app.voices import recordings
from config import ROOT, Config
from models import SpokenSentence, TooLittleSpeech, VoiceProfile, Word, read_tags, says_synthetic
from models.recording import UnreadableAudio
from tests.served import until

RATE = 16_000


class Cloner:
    """Says a text as half a second of silence and remembers what it was asked."""

    sample_rate, device = RATE, "cpu"

    def __init__(self):
        self.heard, self.said, self.adapters = [], [], []

    def learned(self, recording, profile, told):
        if recording.name == "short.wav":
            raise TooLittleSpeech(5.6)
        told(SimpleNamespace(step=80, steps=80, is_done=True))
        return f"what {recording.name} taught"

    def listen(self, recording):
        self.heard.append(recording.name)
        if recording.read_bytes() != b"speech":
            raise UnreadableAudio("it is a poem")
        return f"profile of {recording.name}"

    def read(self, text, language=None, dictionary=None):
        self.dictionary = dictionary
        if text == "!!!":
            raise ValueError("There is nothing to say in it.")
        return [(text, language)]

    def say(
        self, sentences, profile, speed=1.0, pitch=0.0, pauses=1.0, seed=0, synthesizer="", vocoder="", adapter=None
    ):
        ((text, language),) = sentences
        if text == "crash":
            raise RuntimeError("out of memory")
        if text == "where":
            raise ValueError(f"in process {os.getpid()}")
        if text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        self.said.append({"text": text, "profile": profile, "language": language, "speed": speed, "seed": seed})
        self.asked, self.networks = (pitch, pauses), (synthesizer, vocoder)
        self.adapters.append(adapter)
        words = [Word(match[0], match.start(), 0.05, 0.2) for match in re.finditer(r"\S+", text)]
        yield SpokenSentence(np.zeros(RATE // 4, np.float32), tuple(words[:1]))
        yield SpokenSentence(np.zeros(RATE // 4, np.float32), tuple(words[1:2]))


@pytest.fixture(autouse=True)
def no_site(tmp_path, monkeypatch):
    """The settings of a machine where no site was opened yet."""
    monkeypatch.setattr(Config, "INSTANCE", tmp_path / "instance")
    monkeypatch.setattr(Config, "SQLALCHEMY_DATABASE_URI", None)


@pytest.fixture
def cloner():
    return Cloner()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two recordings in it, as the current one."""
    for name in ("anna.wav", "ben.mp3"):
        (tmp_path / name).write_bytes(b"speech")
    (tmp_path / "poem.txt").write_text("no speech")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def speak(cloner):
    """./tembr speak with the given arguments; returns its exit status."""
    return lambda *arguments: cli.main(["speak", *map(str, arguments)], load=lambda: cloner)


def table(folder, *lines, header="id\tvoice\tlanguage\ttext"):
    path = folder / "lines.tsv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def batch(speak, here):
    """./tembr speak --batch of the given lines; returns its exit status."""
    return lambda *lines, **changes: speak("--batch", table(here, *lines, **changes), "--out-dir", here / "out")


@pytest.mark.parametrize("name", ["hello.mp3", "hello.wav", "hello.ogg", "new/folder/hello.WAV"])
def test_a_text_is_written_in_the_format_of_its_name(speak, here, name):
    assert speak("Привет", "--voice", "anna.wav", "--out", name) == 0
    with av.open(str(here / name)) as file:
        assert file.format.name == name[-3:].lower()
        assert file.duration / av.time_base == pytest.approx(0.5, abs=0.15)  # mp3 is padded
    assert not list((here / name).parent.glob(".*"))


def test_every_file_says_that_it_is_synthetic_and_with_which_voice(speak, batch, here):
    speak("Привет", "--voice", "anna.wav", "--out", "x.mp3")
    batch("a\tben.mp3\tru\tПривет")
    for path, voice in ((here / "x.mp3", "anna"), (here / "out" / "a.wav", "ben")):
        assert says_synthetic(path) and read_tags(path)["artist"] == voice


def test_subtitles_are_written_where_asked(speak, here):
    assert speak("Hi there", "--voice", "anna.wav", "--out", "x.wav", "--srt", "new/x.srt", "--vtt", "x.vtt") == 0
    assert (here / "new" / "x.srt").read_text("utf-8") == "1\n00:00:00,050 --> 00:00:01,050\nHi there\n\n"
    assert (here / "x.vtt").read_text("utf-8") == "WEBVTT\n\n00:00:00.050 --> 00:00:01.050\nHi there\n\n"


def test_language_speed_and_seed_reach_the_networks(speak, here, cloner):
    speak("Hi", "--voice", "anna.wav", "--out", "x.wav", "--language", "en", "--speed", "1.5", "--seed", "7")
    assert cloner.said == [
        {"text": "Hi", "profile": "profile of anna.wav", "language": "en", "speed": 1.5, "seed": 7},
    ]


def test_the_sites_dictionary_is_used(speak, here, cloner, capsys):
    with app.create_app().app_context():
        startup.prepare()
        db.session.add(Pronunciation(word="тембр", respelling="т+эмбер", language="ru"))
        db.session.commit()
    speak("Тембр.", "--voice", "anna.wav", "--out", "x.wav")
    assert cloner.dictionary == {"тембр": "т+эмбер"}
    assert cli.main(["read", "Тембр."]) == 0
    assert capsys.readouterr().out.startswith("Тэ\u0301мбер")


def test_without_a_site_no_database_is_made(speak, here, cloner):
    speak("Hi", "--voice", "anna.wav", "--out", "x.wav")
    assert cloner.dictionary == {} and not (here / "instance").exists()


def test_pitch_and_pauses_reach_the_networks(speak, here, cloner):
    speak("Hi", "--voice", "anna.wav", "--out", "x.wav", "--pitch", "-2", "--pauses", "1.5")
    assert cloner.asked == (-2, 1.5)


def test_every_knob_of_a_request_but_format_and_takes_is_an_option():
    knobs = {one.name for one in fields(SpeechRequest)} - {"text", "voice", "format", "takes"}
    assert knobs == {part.name for part in cli.speak.params} - {
        "text",
        "voice",
        "out",
        "batch",
        "out_dir",
        "srt",
        "vtt",
        "learn",
        "as_json",
    }


def test_networks_asked_for_reach_the_networks(speak, here, cloner):
    speak("Hi", "--voice", "anna.wav", "--out", "x.wav", "--synthesizer", "rtvc", "--vocoder", "tembr")
    assert cloner.networks == ("rtvc", "tembr")


def test_what_was_written_and_how_long_it_is_are_said(speak, here, capsys):
    speak("Hi", "--voice", "anna.wav", "--out", "x.wav")
    assert capsys.readouterr().err == "tembr: x.wav: 0.5 s of speech.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Hi", "--voice", "poem.txt", "--out", "x.wav"], "it is a poem"),
        (["!!!", "--voice", "anna.wav", "--out", "x.wav"], "nothing to say"),
        (["Hi", "--voice", "anna.wav", "--out", "anna.wav/x.wav"], "anna.wav"),
    ],
)
def test_what_cannot_be_spoken_is_said_in_one_line(speak, here, capsys, arguments, message):
    assert speak(*arguments) == 1
    (line,) = capsys.readouterr().err.strip().split("\n")
    assert message in line
    assert not (here / "x.wav").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "A text needs --voice and --out"),
        (["Hi", "--voice", "anna.wav"], "A text needs --voice and --out"),
        (["Hi", "--voice", "anna.wav", "--out", "x.aiff"], "must end in .mp3, .wav, .flac, .ogg"),
        (["Hi", "--voice", "anna.wav", "--out", "x"], "must end in .mp3, .wav, .flac, .ogg"),
        (["Hi", "--voice", "anna.wav", "--out", "x.wav", "--speed", "2.5"], "2.5 is not in the range 0.5<=x<=2.0"),
        (["Hi", "--voice", "anna.wav", "--out", "x.wav", "--speed", "nan"], "nan is not in the range 0.5<=x<=2.0"),
        (["Hi", "--voice", "anna.wav", "--out", "x.wav", "--seed", "-1"], "-1 is not in the range 0<=x<="),
        (["Hi", "--voice", "anna.wav", "--out", "x.wav", "--language", "fr"], "'fr'"),
        (["--batch", "lines.tsv"], "--batch needs --out-dir"),
        (["Hi", "--voice", "anna.wav", "--out", "x.mp3", "--kbits", "100"], "'100' is not one of"),
        (["Hi", "--batch", "lines.tsv", "--out-dir", "out"], "from its table"),
        (["Hi", "--voice", "anna.wav", "--out", "x.wav", "--out-dir", "out"], "--out-dir goes with --batch"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_loaded(here, capsys, arguments, message):
    assert cli.main(["speak", *arguments], load=lambda: pytest.fail("loaded")) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_batch_writes_a_file_for_each_line(batch, here, cloner):
    assert batch("one\tanna.wav\tru\tДа.", "two\tben.mp3\ten\tYes.", "three\tanna.wav\t\tНет.") == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["one.wav", "three.wav", "two.wav"]
    assert [(said["text"], said["language"]) for said in cloner.said] == [("Да.", "ru"), ("Нет.", None), ("Yes.", "en")]
    assert cloner.said[2]["profile"] == "profile of ben.mp3"


@pytest.fixture
def two_cores(monkeypatch):
    """Two cores, and memory for any number of processes."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(cli.batch, "_available_mb", lambda: 100_000)


def where(capsys) -> list[str]:
    """The process that each line was to be spoken in."""
    return re.findall(r"in process (\d+)", capsys.readouterr().err)


def test_a_long_table_is_shared_by_processes(batch, capsys, two_cores):
    lines = [f"{i}\t{voice}\t\twhere" for i in range(10) for voice in ("anna.wav", "ben.mp3")]
    batch(*(f"{number}-{line}" for number, line in enumerate(lines)))
    told = where(capsys)
    assert len(told) == 20
    assert len(set(told[:10])) == len(set(told[10:])) == 1  # a voice is spoken in one
    assert str(os.getpid()) not in told


def test_a_long_table_of_one_voice_is_shared_too(batch, capsys, two_cores):
    batch(*(f"{i}\tanna.wav\t\twhere" for i in range(17)))
    told = where(capsys)
    assert (len(told), len(set(told[:9])), len(set(told[9:]))) == (17, 1, 1)


@pytest.mark.parametrize(("device", "count"), [("cpu", 15), ("cuda", 40)])
def test_a_short_table_and_one_for_a_gpu_are_spoken_in_this_process(batch, cloner, capsys, two_cores, device, count):
    cloner.device = device
    batch(*(f"{i}\tanna.wav\t\twhere" for i in range(count)))
    assert set(where(capsys)) == {str(os.getpid())}


@pytest.mark.parametrize(("memory", "options", "count"), [(3300, [], 2), (3300, ["--learn"], 1), (1500, [], 1)])
def test_processes_are_as_many_as_memory_allows(speak, here, capsys, two_cores, monkeypatch, memory, options, count):
    monkeypatch.setattr(cli.batch, "_available_mb", lambda: memory)
    lines = [f"{i}\tanna.wav\t\twhere" for i in range(40)]
    speak("--batch", table(here, *lines), "--out-dir", "out", *options)
    assert (str(os.getpid()) in where(capsys)) == (count == 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells")
def test_available_memory_is_told_in_megabytes():
    assert 100 < cli.batch._available_mb() < 100_000_000


def test_processes_write_and_tell_what_one_does(speak, here, capsys, two_cores):
    lines = [f"{i}\t{voice}\t\tHi" for i, voice in enumerate(["anna.wav", "ben.mp3", "poem.txt"] * 8)]
    assert speak("--batch", table(here, *lines), "--out-dir", "out", "--json") == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["id"] for one in told] == [str(i) for voice in range(3) for i in range(voice, 24, 3)]
    assert [one.get("seconds") for one in told] == [0.5] * 16 + [None] * 8
    assert len(list((here / "out").glob("*.wav"))) == 16


SLOW = """
import os, sys, time
from pathlib import Path
from app import cli
from tests import test_cli_speak
cli.batch._available_mb = lambda: 100_000
class Cloner(test_cli_speak.Cloner):
    def listen(self, recording):
        Path(f"began-{os.getpid()}").touch()
        time.sleep(60)
import torch
torch.get_num_threads = lambda: 2
sys.exit(cli.main(["speak", "--batch", "lines.tsv", "--out-dir", "out"], load=Cloner))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one process")
@pytest.mark.parametrize(("asked", "is_all", "status"), [(signal.SIGINT, True, 130), (signal.SIGKILL, False, -9)])
def test_processes_end_with_the_command(here, asked, is_all, status):
    table(here, *(f"{i}{voice}\t{voice}\t\tHi" for i in range(8) for voice in ("anna.wav", "ben.mp3")))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SLOW]
    with subprocess.Popen(command, cwd=here, env=environment, start_new_session=True, stderr=subprocess.PIPE) as began:
        until(lambda: len(list(here.glob("began-*"))) == 2, seconds=60)
        (os.killpg if is_all else os.kill)(began.pid, asked)
        _, told = began.communicate(timeout=20)
    assert began.returncode == status
    assert b"Traceback" not in told
    processes = [int(path.name.removeprefix("began-")) for path in here.glob("began-*")]
    until(lambda: not any(is_running(process) for process in processes))


def is_running(process: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_that_is_ended_is_told_of(batch, here, capsys, two_cores):
    lines = [f"{i}\tanna.wav\t\tHi" for i in range(8)] + [f"{i}\tben.mp3\t\tdie" for i in range(8, 16)]
    assert batch(*lines) == 1
    assert "A process that spoke lines was ended" in capsys.readouterr().err


def test_each_recording_of_a_batch_is_listened_to_once(batch, cloner):
    assert batch("1\tanna.wav\t\ta", "2\tpoem.txt\t\tb", "3\tanna.wav\t\tc", "4\tpoem.txt\t\td") == 1
    assert cloner.heard == ["anna.wav", "poem.txt"]


def test_a_recordings_voice_is_learned_once_before_it_speaks(speak, here, cloner, capsys):
    lines = table(here, "1\tanna.wav\t\ta", "2\tanna.wav\t\tb")
    assert speak("--learn", "--batch", lines, "--out-dir", here / "out") == 0
    assert cloner.adapters == ["what anna.wav taught"] * 2
    assert capsys.readouterr().err.count("step 80 of 80") == 1


def test_recording_that_is_too_short_to_be_learned_is_refused_with_what_to_do(speak, here, capsys):
    (here / "short.wav").write_bytes(b"speech")
    assert speak("Hi", "--voice", "short.wav", "--out", "a.wav", "--learn") == 1
    told = "short.wav has 5.6 s of clear speech, and a voice needs at least 6 s to be learned. Give a longer recording"
    assert told in capsys.readouterr().err
    assert speak("Hi", "--voice", "short.wav", "--out", "a.wav") == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bad\tanna.wav\t\t!!!", "There is nothing to say in it."),
        ("bad\tpoem.txt\t\tHi", "it is a poem"),
        ("bad\tanna.wav\tfr\tHi", "The language is 'fr'"),
        ("bad\tanna.wav\tHi", "more or fewer cells"),
        ("bad\tanna.wav\ten\tHi\tthere", "more or fewer cells"),
        ("bad\tanna.wav\t\tcrash", "RuntimeError: out of memory"),
        ("first\tanna.wav\t\tagain", "Another line has this id"),
    ],
)
def test_a_bad_line_is_reported_and_the_others_are_spoken(batch, here, capsys, line, message):
    assert batch("first\tanna.wav\t\tHi", line, "last\tanna.wav\t\tBye") == 1
    assert sorted(path.name for path in (here / "out").iterdir()) == ["first.wav", "last.wav"]
    report, summary = capsys.readouterr().err.strip().split("\n")
    assert report.startswith(f"tembr: line 3, id {line.split()[0]!r}: ")
    assert message in report
    assert "2 of 3 lines" in summary


@pytest.mark.parametrize(
    "name",
    ["../escaped", "a/b", "/escaped", "..", ".hidden", "a\\b", "", " ", "x" * 300, "ы" * 150, "a\x00b", "a\x1bb"],
)
def test_an_id_cannot_leave_its_folder(batch, here, name):
    before = sorted(here.rglob("*"))
    assert batch(f"{name}\tanna.wav\t\tHi") == 1
    assert sorted(set(here.rglob("*")) - set(before)) == [here / "lines.tsv", here / "out"]


def test_ordinary_ids_are_taken(batch, here):
    names = ["ru_01.take-2", "Привет", "a (1)", "-x", "0"]
    assert batch(*(f"{name}\tanna.wav\t\tHi" for name in names)) == 0
    assert sorted(path.stem for path in (here / "out").iterdir()) == sorted(names)


def test_quotes_and_escaped_quotes_are_read_as_they_stand(batch, cloner):
    batch('1\tanna.wav\t\t"Yes", he said', '2\tanna.wav\t\tHe said \\"no\\"', "3\tanna.wav\t\t'unclosed \"")
    assert [said["text"] for said in cloner.said] == ['"Yes", he said', 'He said "no"', "'unclosed \""]


def test_a_table_from_a_spreadsheet_is_read(speak, here, cloner):
    path = here / "lines.tsv"
    path.write_bytes("\ufefftext\tvoice\tid\r\nПривет\tanna.wav\tone\r\n\r\n".encode())
    assert speak("--batch", path, "--out-dir", here, "--language", "ru", "--speed", "0.8") == 0
    assert [(said["text"], said["language"], said["speed"]) for said in cloner.said] == [("Привет", "ru", 0.8)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column id"),
        (b"id\tvoice\n", "no column text"),
        (b"id,voice,language,text\n", "no column id"),
        ("id\tvoice\ttext\nй\t\t".encode("cp1251"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(speak, here, capsys, content, message):
    (here / "lines.tsv").write_bytes(content)
    assert speak("--batch", "lines.tsv", "--out-dir", "out") == 1
    (line,) = capsys.readouterr().err.strip().split("\n")
    assert message in line


def test_a_missing_table_is_refused_by_name(speak, here, capsys):
    assert speak("--batch", "gone.tsv", "--out-dir", "out") == 1
    assert "gone.tsv" in capsys.readouterr().err


def test_program_is_answered_in_json_a_line_for_each_text(speak, batch, here, capsys):
    assert speak("Hi", "--voice", "anna.wav", "--out", "x.wav", "--json") == 0
    words = [{"word": "Hi", "start": 0.05, "end": 0.2}]
    assert json.loads(capsys.readouterr().out) == {"file": "x.wav", "seconds": 0.5, "words": words}
    path = table(here, "a\tanna.wav\t\tHi", "b\tnobody.wav\t\tHi")
    assert speak("--batch", path, "--out-dir", "out", "--json") == 1
    spoken, refused = map(json.loads, capsys.readouterr().out.splitlines())
    assert spoken == {"line": 2, "id": "a", "file": "out/a.wav", "seconds": 0.5}
    assert (refused["line"], refused["id"]) == (3, "b") and "nobody.wav" in refused["error"]


@pytest.fixture
def bank(tmp_path, monkeypatch, cloner):
    """A site with one voice, Зоя, in its bank; counts how often it is made."""

    class Settings(Config):
        INSTANCE = tmp_path / "instance"
        READY_VOICES = tmp_path / "none"

    made = []

    def create_app():
        made.append(real_create_app(Settings))
        with made[-1].app_context():
            startup.prepare()
            recordings.begin(Voice(name="Зоя"), VoiceProfile(np.eye(256)[0], np.zeros(2), np.zeros(80), 3.0))
        return made[-1]

    real_create_app = app.create_app
    monkeypatch.setattr(app, "create_app", create_app)
    return made


def test_processes_find_the_voices_of_the_bank_looked_up(batch, here, bank, two_cores, monkeypatch):
    made = app.create_app

    def create_app():
        (here / f"made-{os.getpid()}").touch()
        return made()

    monkeypatch.setattr(app, "create_app", create_app)
    assert batch(*(f"{i}\t{('Зоя', 'anna.wav')[i % 2]}\tru\tДа." for i in range(16))) == 0
    assert [path.name for path in here.glob("made-*")] == [f"made-{os.getpid()}"]
    assert len(list((here / "out").iterdir())) == 16


def test_a_voice_of_the_bank_speaks_by_its_name(batch, cloner, bank):
    assert batch("1\tЗоя\tru\tДа.", "2\tзоя\tru\tНет.", "3\tanna.wav\tru\tНу.") == 0
    assert [getattr(said["profile"], "seconds", None) for said in cloner.said] == [None, 3.0, 3.0]
    assert len(bank) == 1


def test_a_voice_of_a_bank_that_was_made_speaks_without_loading_the_site(speak, here, bank):
    assert speak("Да.", "--voice", "Зоя", "--out", "x.wav") == 0
    script = (
        "import sys; from app.cli.speak import Speaker;"
        "print(Speaker(None).voice('Зоя')[0].seconds, 'alembic' in sys.modules, 'app.startup' in sys.modules)"
    )
    settings = {"TEMBR_INSTANCE": str(Config.INSTANCE), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=settings, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3.0 False False\n", "")


def test_an_unknown_voice_is_refused_with_the_names_there_are(speak, here, capsys, bank):
    assert speak("Hi", "--voice", "Ян", "--out", "x.wav") == 1
    assert "no voice named 'Ян'. Voices in the bank: Зоя." in capsys.readouterr().err


def test_reading_is_printed_in_words_and_then_in_phones_without_the_networks(capsys):
    assert cli.main(["read", "Кот спит. Cats eat 2!"], load=None) == 0
    words, phones = capsys.readouterr().out.splitlines()
    assert words == "Ко\u0301т спи\u0301т. Cats eat two!"
    assert phones == "k ˈo t | s pʲ ˈi t . | k ˈæ t s | ˈi t | t ˈu !"


def test_text_without_a_reading_is_said(capsys):
    assert cli.main(["read", "!!!"], load=None) == 1
    assert "nothing to say" in capsys.readouterr().err


def test_reading_is_answered_in_json_a_line_for_each_sentence(capsys):
    assert cli.main(["read", "Кот спит. Cats eat 2!", "--json"]) == 0
    russian, english = map(json.loads, capsys.readouterr().out.splitlines())
    assert (russian["language"], russian["words"]) == ("ru", "Ко\u0301т спи\u0301т.")
    assert english["phones"][:4] == ["k", "ˈæ", "t", "s"]
