"""When each word is said, with small untrained networks and with those that ship."""

import re
from functools import lru_cache

import numpy as np
import pytest
import soundfile
import soxr
import torch

from models import FORMATS, SpeechFile, VoiceCloner, VoiceProfile, checkpoint
from models.audio import SAMPLE_RATE, levelled, speech_mel
from models.cloning import WEIGHTS
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.text.symbols import START, SYMBOLS
from models.word_times import FRAME_SECONDS, heard_durations, words_of
from tests.speech import KATHLEEN
from tests.tiny_networks import tiny_classifier, tiny_synthesizer, tiny_verifier, tiny_vocoder

TEXTS = {
    "one word": "Да.",
    "Russian": "В 1998 г. вышло 25 книг — и все о птицах.",
    "English": "In 1998 Dr. Smith paid $25.50 for three books about birds.",
    "mixed": "Я купил iPhone 15 Pro, and that was all.",
    "pauses": "First we speak.\n\n[pause 0.7] Then [pause 1] we pause? And go on!",
    "many sentences": 8 * "Это первое предложение, а за ним второе. Here is another one. ",
}
LISTENED = {
    "ru": "Сегодня утром мы долго гуляли по старому парку, а потом пошли домой.",
    "en": "This morning we took a long walk through the old park, and then we went home.",
}


@pytest.fixture(scope="module")
def cloner() -> VoiceCloner:
    encoder = checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    return VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")


@pytest.fixture(scope="module")
def voice(cloner) -> VoiceProfile:
    return cloner.listen(KATHLEEN)


def words_of_speech(said, sample_rate):
    """All words of a speech, timed from its beginning."""
    words, seconds = [], 0.0
    for sentence in said:
        words += sentence.words_after(seconds)
        seconds += len(sentence.waveform) / sample_rate
    return words


@lru_cache(maxsize=1)
def shipped() -> VoiceCloner:
    return VoiceCloner.load(device="cpu")


@lru_cache(maxsize=1)
def ready_voice() -> VoiceProfile:
    return VoiceProfile.from_bytes((WEIGHTS / "voices" / "kathleen.safetensors").read_bytes())


@pytest.mark.parametrize("knobs", [{}, {"speed": 2.0, "pitch": 3.0, "pauses": 0.5}, {"speed": 0.5, "pauses": 2.0}])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_words_come_in_order_within_the_waveform_and_spell_the_text(cloner, voice, text, knobs):
    said = list(cloner.say(cloner.read(text), voice, **knobs))
    words = words_of_speech(said, cloner.sample_rate)
    assert [word.text for word in words] == re.sub(r"\[pause [\d.]+]|—", "", text).split()
    assert all(text[word.place : word.place + len(word.text)] == word.text for word in words)
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times) and times[0] >= 0
    assert all(word.end - word.start > 0.9 * FRAME_SECONDS for word in words)
    assert times[-1] <= sum(len(sentence.waveform) for sentence in said) / cloner.sample_rate


def test_a_sentence_begins_after_the_pause_that_was_asked_for(cloner, voice):
    said = list(cloner.say(cloner.read("One. [pause 2] Two."), voice))
    first, second = words_of_speech(said, cloner.sample_rate)
    assert second.start - first.end == pytest.approx(2.0, abs=20 * FRAME_SECONDS)
    assert second.start > len(said[0].waveform) / cloner.sample_rate


def test_words_of_an_imported_network_are_found_by_listening(cloner, voice, monkeypatch):
    monkeypatch.setattr(
        cloner.imported, "mels", lambda name, group, *_: {id(one): torch.zeros(80, 90) for one in group}
    )
    (said,) = cloner.say(cloner.read("We are not here."), voice)
    times = [time for word in said.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= 90 * FRAME_SECONDS


def test_what_is_heard_is_found_frame_by_frame_and_pauses_may_be_left_out():
    phones, lengths = [START, "k", "ˈo", "t", ",", "d", "ˈa", "."], [0, 3, 5, 2, 0, 4, 6, 3]
    heard = [phone for phone, n in zip(phones, lengths, strict=True) for _ in range(n)]
    posteriors = np.full((len(heard), len(SYMBOLS)), 1e-4)
    for frame, phone in enumerate(heard):
        posteriors[frame, SYMBOLS.index(START if phone in ",." else phone)] = 0.9
    found = heard_durations(np.log(posteriors), np.full(len(SYMBOLS), 0.01), phones)
    assert found.tolist() == lengths


def test_speech_too_short_for_its_phones_still_has_all_its_frames():
    found = heard_durations(np.zeros((3, len(SYMBOLS))), np.full(len(SYMBOLS), 0.01), [START, "k", "ˈo", "t", "d", "."])
    assert found.sum() == 3


@pytest.mark.parametrize("language", LISTENED)
def test_words_are_heard_when_their_times_say(language):
    cloner, text = shipped(), LISTENED[language]
    (sentence,) = cloner.read(text, language)
    (said,) = cloner.say([sentence], ready_voice())
    waveform = soxr.resample(said.waveform, cloner.sample_rate, SAMPLE_RATE)
    mel = speech_mel(torch.from_numpy(levelled(waveform)))
    frames = cloner.heard_durations(sentence, mel).numpy()
    heard = words_of(sentence, frames, len(waveform) / SAMPLE_RATE)
    errors = [abs(a.start - b.start) for a, b in zip(said.words, heard, strict=True)]
    assert np.median(errors) <= 0.02
    assert np.percentile(errors, 90) <= 0.06


@pytest.mark.parametrize("text", [TEXTS["pauses"], TEXTS["mixed"]], ids=["pauses", "mixed"])
def test_what_sounds_is_within_the_words(text):
    cloner = shipped()
    said = list(cloner.say(cloner.read(text), ready_voice()))
    energy = np.concatenate([sentence.waveform for sentence in said]) ** 2
    is_word = np.zeros(len(energy), dtype=bool)
    for word in words_of_speech(said, cloner.sample_rate):
        is_word[int(word.start * cloner.sample_rate) : int(word.end * cloner.sample_rate)] = True
    assert energy[is_word].sum() > 0.98 * energy.sum()
    assert is_word.mean() < 0.95


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_heard_when_its_waveform_is(tmp_path, format):
    """What a codec puts before the first sample, players leave out again."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    waveform = (0.3 * np.sin(2 * np.pi * (200 + 150 * time) * time) * (time > 0.5)).astype(np.float32)
    with SpeechFile(tmp_path / f"speech.{format}", SAMPLE_RATE, format) as file:
        file.write(waveform)
    heard, rate = soundfile.read(tmp_path / f"speech.{format}")
    heard = soxr.resample(heard, rate, SAMPLE_RATE)[: len(waveform)]
    n_fft = 2 * len(waveform)
    shift = np.fft.irfft(np.fft.rfft(heard, n_fft) * np.conj(np.fft.rfft(waveform, n_fft)), n_fft).argmax()
    assert min(shift, n_fft - shift) <= FRAME_SECONDS * SAMPLE_RATE / 4
