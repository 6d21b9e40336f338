"""What is found in real recordings that are spoilt in known ways."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from config import ROOT
from models import checkpoint, quality
from models.audio import SAMPLE_RATE
from models.cloning import WEIGHTS, VoiceCloner
from models.quality import best_window, group_similarity, judge
from models.recording import load_recording
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.speech_file import encode
from tests import degraded
from tests.fakes import GOOD, SPOILT, finding
from tests.speech import KATHLEEN, harmonic_tone, kathleen, silence
from tests.tiny_networks import tiny_classifier, tiny_synthesizer, tiny_verifier, tiny_vocoder

VOICES = ("asterisk_en", "asterisk_ru", "festvox_ru", "kokoro_am_liam")


@pytest.fixture(scope="module")
def cloner():
    encoder = checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    return VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")


@pytest.fixture(scope="module")
def examine(cloner):
    """Says what is found in a waveform."""
    return lambda waveform: cloner.examine(waveform)[1]


@pytest.fixture(scope="module")
def voices():
    """Samples of the ready voices by name, 5 s each, and the real voice of the test data."""
    samples = {name: load_recording(WEIGHTS / "voices" / f"{name}.mp3", max_seconds=20) for name in VOICES}
    return samples | {"kathleen": kathleen()}


@pytest.fixture(scope="module")
def told(examine):
    """Says which codes are told of a waveform."""
    return lambda waveform: {finding.code for finding in examine(waveform).found}


def _babble(voices):
    return degraded.babble([voices["asterisk_ru"], voices["festvox_ru"], voices["kokoro_am_liam"]])


@pytest.mark.parametrize("name", [*VOICES, "kathleen"])
def test_nothing_is_told_of_a_good_recording(told, voices, name):
    assert told(voices[name]) == set()


WAYS = {
    "white noise": (lambda speech: degraded.with_noise(speech, degraded.white(len(speech)), 10), "noisy"),
    "pink noise": (lambda speech: degraded.with_noise(speech, degraded.pink(len(speech)), 10), "noisy"),
    "clipping": (lambda speech: degraded.clipped(speech, 0.01), "clipped"),
    "a telephone": (degraded.telephoned, "narrow"),
    "a low pass at 3.4 kHz": (lambda speech: degraded.low_passed(speech, 3400), "narrow"),
    "a hard room": (lambda speech: degraded.reverberated(speech, 1.5), "echo"),
    "music": (lambda speech: degraded.with_noise(speech, degraded.chords(len(speech) / SAMPLE_RATE), 10), "music"),
    "a far microphone": (lambda speech: degraded.quiet(speech, 30), "quiet"),
}


@pytest.mark.parametrize("name", [*VOICES, "kathleen"])
@pytest.mark.parametrize("way", WAYS)
def test_spoilt_recording_is_warned_of_in_its_own_way_and_no_other(told, voices, name, way):
    """An echo that fills the pauses counts as noise."""
    spoil, code = WAYS[way]
    assert told(spoil(voices[name])) in ({code}, {"noisy"} if code == "echo" else {code})


@pytest.mark.parametrize("format", ["mp3", "ogg"])
def test_clipping_is_told_after_a_codec_has_rounded_it(told, voices, format):
    loud, file = degraded.clipped(voices["festvox_ru"], 0.01), io.BytesIO()
    if format == "ogg":  # at the bit rate of a recorder, not at that of speech to be sent
        soundfile.write(file, loud, SAMPLE_RATE, "OPUS", format="OGG")
    else:
        file.write(encode(loud, SAMPLE_RATE, format))
    assert "clipped" in told(load_recording(file.getvalue(), max_seconds=20))


def test_babble_of_other_people_is_told(told, voices):
    assert told(degraded.with_noise(kathleen(), _babble(voices), 3)) & {"noisy", "several"}


@pytest.mark.parametrize("one, other", [("asterisk_en", "kokoro_am_liam"), ("festvox_ru", "asterisk_ru")])
def test_two_people_in_turn_are_told(told, voices, one, other):
    assert "several" in told(degraded.in_turn(voices[one], voices[other]))


def test_one_person_in_two_moods_is_one_person():
    alike = np.tile(np.eye(4)[:1], (6, 1))
    other = np.tile(np.eye(4)[1:2], (6, 1))
    assert group_similarity(np.concatenate([alike, other])) == pytest.approx(0.0)
    assert group_similarity(alike) > 0.99
    assert (
        group_similarity(np.concatenate([alike, alike, alike, other[:1]])) == 1.0
    )  # one part of nineteen is no person


@pytest.mark.parametrize("code", SPOILT)
def test_every_finding_says_what_is_wrong_by_how_much_and_what_to_do(code):
    sentence = str(finding(code).message)
    assert sentence.endswith(".") and "%(" not in sentence
    assert any(advice in sentence for advice in ("Record", "Speak", "Use a", "Turn it off"))
    assert code == "no_speech" or any(digit in sentence for digit in "123456789")


def test_nothing_is_found_by_good_figures():
    assert list(judge(GOOD)) == []


def test_every_code_is_explained_in_the_docs_and_tried_here():
    codes = set(re.findall(r'Finding\("(\w+)"', Path(quality.__file__).read_text("utf-8")))
    table = (ROOT / "docs" / "quality.md").read_text("utf-8").partition("## ")[0]
    rows = re.findall(r"^\| (\w+)(?: \(fault\))? \|", table, re.MULTILINE)
    assert codes == set(SPOILT) == set(rows) - {"code"}


@pytest.mark.parametrize(
    "sound",
    [
        degraded.white(6 * SAMPLE_RATE) * 0.05,
        np.sign(harmonic_tone(120, 6)) * 0.3,
        silence(6) + 0.01,
        np.zeros(100),
        np.zeros(0),
    ],
    ids=["noise", "a buzzer", "a constant", "a moment", "nothing"],
)
def test_sound_without_speech_makes_no_voice(examine, sound):
    findings = examine(sound.astype(np.float32))
    assert [finding.code for finding in findings.faults] == ["no_speech"]
    assert not findings.warnings


def test_one_word_is_too_short_and_a_short_sentence_is_warned_of(examine):
    word = examine(kathleen()[: int(1.4 * SAMPLE_RATE)])
    assert [finding.code for finding in word.faults] == ["too_short"]
    assert "1.3 s of speech; at least 1.6 s is needed" in str(word.faults[0].message)
    sentence = examine(kathleen()[: int(2.5 * SAMPLE_RATE)])
    assert not sentence.faults
    assert [finding.code for finding in sentence.warnings] == ["short"]


def test_what_is_measured_follows_the_recording(examine):
    findings = examine(kathleen()).figures
    assert 3.5 < findings.speech_seconds < 4.4
    assert findings.level_db == pytest.approx(-24, abs=1)
    assert examine(kathleen() / 10).figures.level_db == pytest.approx(findings.level_db - 20, abs=0.5)
    noisy = degraded.with_noise(kathleen(), degraded.white(len(kathleen())), 15)
    assert examine(noisy).figures.snr_db == pytest.approx(15, abs=2.5)
    assert examine(degraded.low_passed(kathleen(), 5000)).figures.bandwidth == pytest.approx(5000, abs=250)
    half_silent = np.concatenate([kathleen(), silence(8)])
    assert examine(half_silent).figures.speech_seconds == pytest.approx(findings.speech_seconds, abs=0.3)


def test_embedding_is_that_of_the_voice(cloner):
    embedding = cloner.examine(kathleen())[0].embedding
    known = np.load(KATHLEEN.with_name("kathleen_embedding.npy"))
    assert np.linalg.norm(embedding) == pytest.approx(1)
    assert embedding @ known > 0.98


def test_best_part_leaves_out_silence_noise_and_clipping(voices):
    speech = np.concatenate([voices["asterisk_en"], voices["festvox_ru"]])[: 10 * SAMPLE_RATE]
    spoilt = {
        "silence": silence(10),
        "noise": degraded.with_noise(speech, degraded.pink(len(speech)), 5),
        "clipping": degraded.clipped(speech, 0.1),
    }
    for what, part in spoilt.items():
        best = best_window(np.concatenate([part, speech]), 8.0)
        assert best.start > 9.5 * SAMPLE_RATE, what
        best = best_window(np.concatenate([speech, part]), 8.0)
        assert best.stop < 10.5 * SAMPLE_RATE, what


def test_short_recording_is_its_own_best_part():
    assert best_window(kathleen()) == slice(0, len(kathleen()))


def test_second_speaker_outside_of_the_best_part_is_told(told, voices):
    one, other = (
        np.resize(voices["asterisk_en"], 40 * SAMPLE_RATE),
        np.resize(voices["kokoro_am_liam"], 25 * SAMPLE_RATE),
    )
    noisy = degraded.with_noise(other, degraded.pink(len(other)), 20)
    assert "several" in told(np.concatenate([one, noisy]))
    assert "several" not in told(one)


def test_voice_of_a_long_recording_is_known_from_its_clear_part(cloner, voices):
    clear = np.resize(voices["festvox_ru"], 31 * SAMPLE_RATE)
    noisy = degraded.with_noise(clear, degraded.pink(len(clear)), 5)
    known = cloner.listen(encode(clear, SAMPLE_RATE, "wav")).embedding
    heard = cloner.listen(encode(np.concatenate([noisy, clear]), SAMPLE_RATE, "wav")).embedding
    assert heard @ known > 0.98
    assert cloner.listen(encode(noisy, SAMPLE_RATE, "wav")).embedding @ known < 0.9
