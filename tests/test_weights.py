"""What ships speaks as people do: neither too long nor too fast, without holes, and in the voice that was asked for."""

import json
from functools import lru_cache

import numpy as np
import pytest
import soxr
import torch

from models import VoiceCloner, VoiceProfile
from models.audio import SAMPLE_RATE, level_db, levelled, speech_mask, speech_mel, trim
from models.cloning import WEIGHTS
from models.pitch import pitch_statistics
from models.recording import load_recording
from models.text.symbols import PAUSES, WORD_BORDER
from models.voice_profile import profile_of
from tests.speech import KATHLEEN, kathleen

MAX_MEGABYTES = 70
NETWORKS = ("speaker_encoder", "speaker_verifier", "synthesizer", "vocoder")
VOICES = WEIGHTS / "voices"

LONG = {  # without a mark inside, so without a place for a pause
    "ru": "Сегодня утром мы долго гуляли по старому парку и разговаривали о новой книге.",
    "en": "This morning we took a long walk through the old park and talked about the new book.",
}
ONE_WORD = {"ru": "Да.", "en": "Yes."}


@lru_cache(maxsize=1)
def cloner() -> VoiceCloner:
    return VoiceCloner.load(device="cpu")


@lru_cache(maxsize=1)
def woman() -> VoiceProfile:
    return cloner().listen(KATHLEEN)


@lru_cache(maxsize=16)
def said(text: str, speed: float = 1.0) -> np.ndarray:
    """The text in the voice of the real recording, at SAMPLE_RATE."""
    return heard(cloner().speak(text, woman(), speed=speed))


def heard(waveform: np.ndarray) -> np.ndarray:
    """What the cloner says, as what hears it takes it: at SAMPLE_RATE."""
    return soxr.resample(waveform, cloner().sample_rate, SAMPLE_RATE)


def f0(waveform: np.ndarray) -> np.ndarray:
    return cloner().vocoder.pitch.f0(speech_mel(torch.from_numpy(waveform)))


def pitch(waveform: np.ndarray) -> float:
    """Median log F0."""
    return float(pitch_statistics(f0(waveform))[0])


def seconds(waveform: np.ndarray) -> float:
    return len(waveform) / SAMPLE_RATE


def longest_silence(waveform: np.ndarray) -> float:
    """Seconds of the longest silence between the first sound and the last."""
    sounds = np.flatnonzero(speech_mask(trim(waveform)))
    return float((np.diff(sounds).max() - 1) * 0.01)


def test_what_ships_is_small():
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) / 1e6 < MAX_MEGABYTES


def test_every_ready_voice_has_its_files_and_its_licence():
    voices = json.loads((VOICES / "index.json").read_text(encoding="utf-8"))
    assert {voice["language"] for voice in voices} == {"ru", "en"}
    for voice in voices:
        assert voice["name"]
        assert voice["origin"]
        assert voice["licence"]
        assert VoiceProfile.from_bytes((VOICES / voice["profile"]).read_bytes()).is_known  # so it is not fitted
        assert 2 < seconds(load_recording(VOICES / voice["sample"], max_seconds=30)) < 15


@pytest.mark.parametrize("text", [*ONE_WORD.values(), *LONG.values()])
def test_speech_is_finite_and_neither_faint_nor_clipped(text):
    waveform = said(text)
    assert np.isfinite(waveform).all()
    assert -30 < level_db(waveform) < -10
    assert np.abs(waveform).max() <= 1


@pytest.mark.parametrize("text", ["Да.", "Нет.", "Привет!", "Yes.", "No.", "Hello!"])
def test_one_word_lasts_as_long_as_one_word_without_breath_at_its_ends(text):
    waveform = said(text)
    sounds = np.flatnonzero(speech_mask(waveform)) * 0.01
    assert 0.25 < seconds(waveform) < 0.9
    assert sounds[0] < 0.15 and seconds(waveform) - sounds[-1] < 0.2


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("voice", ["Николай", "Lewis", "Isabella"])
def test_a_voice_keeps_its_pitch_in_both_languages(voice, text):
    (entry,) = (entry for entry in json.loads((VOICES / "index.json").read_text("utf-8")) if entry["name"] == voice)
    profile = VoiceProfile.from_bytes((VOICES / entry["profile"]).read_bytes())
    off = (pitch(heard(cloner().speak(text, profile))) - profile.pitch[0]) * 12 / np.log(2)
    assert abs(off) < 2


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_sentence_without_marks_has_no_hole_in_it(text):
    assert longest_silence(said(text)) < 0.5


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_speech_is_as_fast_as_people_speak(text):
    phones = [phone for phone in cloner().read(text)[0].phones if phone not in (WORD_BORDER, *PAUSES)]
    assert 8 < len(phones) / seconds(trim(said(text))) < 20


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_twice_as_fast_takes_half_the_time(text):
    assert seconds(said(text, 2.0)) == pytest.approx(seconds(said(text)) / 2, rel=0.1)


def test_a_question_does_not_sound_like_a_statement():
    assert said("Ты идёшь домой?").shape != said("Ты идёшь домой.").shape


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_the_woman_speaks_at_her_own_pitch(text):
    assert np.exp(pitch(said(text))) == pytest.approx(np.exp(woman().pitch[0]), rel=0.25)


@pytest.mark.parametrize("language", ["ru", "en"])
@torch.inference_mode()
def test_speech_resembles_its_own_voice_most(language):
    """Spoken by each of two ready voices, man and woman, the embedding is nearer to the one who was asked."""
    pair = [VoiceProfile.from_bytes((VOICES / f"{name}.safetensors").read_bytes()) for name in PAIR[language]]
    speeches = [trim(heard(cloner().speak(LONG[language], voice))) for voice in pair]
    found = [profile_of(speech, f0(speech), cloner().encoder) for speech in speeches]
    for own, other in ((0, 1), (1, 0)):
        assert found[own].embedding @ pair[own].embedding > found[own].embedding @ pair[other].embedding
    pitches = [np.exp(voice.pitch[0]) for voice in found]
    assert abs(pitches[0] - np.exp(pair[0].pitch[0])) < abs(pitches[0] - np.exp(pair[1].pitch[0]))


PAIR = {"ru": ("asterisk_ru", "festvox_ru"), "en": ("kathleen", "kokoro_am_liam")}


def test_the_vocoder_gives_a_recording_back():
    """Through mel and vocoder the words stay where they were and the level of each band is kept."""
    recorded = torch.tensor(levelled(kathleen()))
    mel = speech_mel(recorded)
    again = speech_mel(torch.from_numpy(heard(cloner().waveform(mel))))
    frames = min(mel.shape[1], again.shape[1])
    assert (mel[:, :frames] - again[:, :frames]).abs().mean() < 0.35
