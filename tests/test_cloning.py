"""The whole journey with small untrained networks: what holds whatever the weights are."""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event

import numpy as np
import pytest
import soxr
import torch

from models import (
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    RecordingUnfit,
    TextTooLong,
    UnreadableAudio,
    VoiceCloner,
    VoiceProfile,
    checkpoint,
    cloning,
    limits,
    recording,
)
from models.audio import SAMPLE_RATE, level_db, levelled, speech_mel, trim
from models.cloner import SENTENCE_PAUSE_SECONDS
from models.cloning import MAX_PAUSE_SECONDS, SPOKEN_LEVEL_DB, WEIGHTS
from models.recording import load_recording
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.speech_file import encode
from models.text.symbols import SYMBOLS
from models.voice_profile import profile_of
from tests.speech import KATHLEEN, harmonic_tone, kathleen, silence
from tests.tiny_networks import tiny_classifier, tiny_discriminator, tiny_synthesizer, tiny_verifier, tiny_vocoder

RUSSIAN = "Мы рады вас видеть."
ENGLISH = "We are glad to see you."
THREE_SENTENCES = "First we speak. Then we pause? And we go on!"


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)


@pytest.fixture(scope="module")
def cloner(encoder) -> VoiceCloner:
    """Makes noise in the rhythm of speech."""
    return VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")


@pytest.fixture(scope="module")
def voice(cloner) -> VoiceProfile:
    return cloner.listen(KATHLEEN)


def wav(waveform: np.ndarray) -> bytes:
    return encode(waveform, SAMPLE_RATE, "wav")


def longest_run(which: np.ndarray) -> int:
    """Length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], which, [False]]).astype(int)))
    return int(np.diff(edges)[::2].max(initial=0))


def digital_silences(waveform: np.ndarray, least_seconds: float) -> list[float]:
    """Seconds of each stretch of zeros at least so long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], waveform == 0, [False]]).astype(int)))
    seconds = np.diff(edges)[::2] / SAMPLE_RATE
    return [float(s) for s in seconds if s >= least_seconds]


@pytest.mark.parametrize("source", [KATHLEEN, KATHLEEN.read_bytes(), str(KATHLEEN)], ids=["path", "bytes", "name"])
def test_listening_gives_a_voice_profile(cloner, source):
    heard = cloner.listen(source)
    assert np.linalg.norm(heard.embedding) == pytest.approx(1, abs=1e-4)
    assert 140 < np.exp(heard.pitch[0]) < 260
    assert heard.seconds == pytest.approx(4.4, abs=0.3)


def test_silence_around_speech_does_not_change_the_voice(cloner, voice):
    padded = np.concatenate([silence(2), kathleen(), silence(3)])
    heard = cloner.listen(wav(padded))
    assert heard.embedding @ voice.embedding > 0.99
    assert heard.seconds == pytest.approx(voice.seconds, abs=0.2)


def test_loudness_does_not_change_the_voice(cloner, voice):
    heard = cloner.listen(wav(kathleen() / 8))
    assert heard.embedding @ voice.embedding > 0.99
    np.testing.assert_allclose(heard.mean_mel, voice.mean_mel, atol=0.1)


def test_no_more_than_half_a_minute_of_a_voice_is_heard(cloner):
    assert cloner.listen(wav(np.tile(kathleen(), 10))).seconds == pytest.approx(30)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"", UnreadableAudio),
        (b"no audio at all" * 100, UnreadableAudio),
        (wav(silence(3)), RecordingSilent),
        (wav(kathleen()[: SAMPLE_RATE // 2]), RecordingUnfit),
        (wav(np.concatenate([silence(2), kathleen()[:SAMPLE_RATE], silence(2)])), RecordingUnfit),
        (wav(harmonic_tone(150, 3, peak=0.0015)), RecordingUnfit),  # a murmur below what counts as speech
    ],
    ids=["empty", "text", "silent", "short", "short amid silence", "murmur"],
)
def test_a_recording_to_learn_nothing_from_is_refused(cloner, source, error):
    with pytest.raises(error) as refusal:
        cloner.listen(source)
    assert str(refusal.value)[0].isupper()


def test_a_recording_over_the_limit_is_refused_with_the_limit(cloner, monkeypatch):
    monkeypatch.setattr(limits, "MAX_RECORDING_SECONDS", 4.0)
    with pytest.raises(RecordingTooLong, match="The limit is 4 s"):
        cloner.listen(KATHLEEN)


def test_short_speech_is_refused_with_its_seconds_and_not_those_of_the_file(cloner):
    with pytest.raises(RecordingUnfit, match=r"has (0\.[789]|1\.0) s of speech"):
        cloner.listen(wav(np.concatenate([silence(2), kathleen()[:SAMPLE_RATE], silence(2)])))


@pytest.mark.parametrize("text", ["", "   \n", "!!!", "… — ?", "😀🎉"])
def test_a_text_with_nothing_to_say_is_refused(cloner, voice, text):
    with pytest.raises(NothingToSay):
        cloner.speak(text, voice)


def test_a_text_over_the_limit_is_refused(cloner, voice):
    with pytest.raises(TextTooLong, match="20001 characters. The limit is 20000"):
        cloner.speak("а" * 20_001, voice)


@pytest.mark.parametrize("text", [RUSSIAN, ENGLISH])
def test_speech_is_a_levelled_mono_waveform(cloner, voice, text):
    said = cloner.speak(text, voice)
    assert said.dtype == np.float32
    assert said.ndim == 1
    assert np.isfinite(said).all()
    assert np.abs(said).max() <= 1
    assert 0.5 < len(said) / cloner.sample_rate < 5
    assert level_db(said) == pytest.approx(SPOKEN_LEVEL_DB, abs=3)


@pytest.mark.parametrize("text", [RUSSIAN, ENGLISH, THREE_SENTENCES])
def test_the_same_text_voice_and_seed_give_the_same_speech(cloner, voice, text):
    first = cloner.speak(text, voice, seed=3)
    cloner.speak("Something else.", voice, seed=4)
    np.testing.assert_array_equal(cloner.speak(text, voice, seed=3), first)


def test_another_seed_is_another_take(cloner, voice):
    first, second = (cloner.speak(RUSSIAN, voice, seed=seed) for seed in (0, 1))
    assert len(first) != len(second) or np.abs(first - second).max() > 1e-3
    assert len(second) == pytest.approx(len(first), rel=0.2)


def test_sentence_is_said_alone_as_it_is_said_in_its_text(cloner, voice):
    sentences = cloner.read(THREE_SENTENCES)
    together = list(cloner.say(sentences, voice, seed=3))
    for index, sentence in enumerate(sentences):
        is_last = index == len(sentences) - 1
        alone = replace(sentence, pause_after=cloning.pause_after(sentence, is_last, 1.0, 1.0))
        (said,) = cloner.say([alone], voice, seed=cloning.sentence_seed(3, index))
        np.testing.assert_array_equal(said.waveform, together[index].waveform)
        assert said.words == together[index].words


def test_speaking_leaves_the_generator_of_others_alone(cloner, voice):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    cloner.speak(ENGLISH, voice, seed=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.fixture(params=[1, 2])
def cores(request):
    """How many cores one network may use."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.usefixtures("cores")
def test_speeches_at_once_are_what_each_is_alone(cloner, voice):
    deeper = VoiceProfile(voice.embedding[::-1].copy(), voice.pitch - 0.7, voice.mean_mel, voice.seconds)
    wishes = [
        (THREE_SENTENCES, voice, None, 1.0, 0),
        ("Раз, два, три. Четыре пять.", deeper, "ru", 1.0, 1),
        (THREE_SENTENCES, deeper, "en", 1.4, 2),
        (RUSSIAN, voice, None, 0.8, 0),
    ]
    alone = [cloner.speak(*wish) for wish in wishes]
    start = Barrier(len(wishes))

    def speak(wish: tuple) -> list[np.ndarray]:
        start.wait()
        return [cloner.speak(*wish) for _ in range(2)]

    with ThreadPoolExecutor(len(wishes)) as threads:
        at_once = list(threads.map(speak, wishes))
    for takes, expected in zip(at_once, alone, strict=True):
        for take in takes:
            np.testing.assert_array_equal(take, expected)


def test_listening_and_speaking_at_once_do_not_disturb_each_other(cloner, voice):
    alone = cloner.speak(ENGLISH, voice)
    with ThreadPoolExecutor(2) as threads:
        heard = threads.submit(cloner.listen, KATHLEEN)
        said = threads.submit(cloner.speak, ENGLISH, voice)
    np.testing.assert_array_equal(said.result(), alone)
    np.testing.assert_array_equal(heard.result().embedding, voice.embedding)


def test_sentences_are_parted_by_pauses(cloner, voice):
    said = cloner.speak(THREE_SENTENCES, voice)
    pauses = digital_silences(said, least_seconds=SENTENCE_PAUSE_SECONDS / 2)
    assert pauses == pytest.approx([SENTENCE_PAUSE_SECONDS] * 2, abs=0.02)


def test_one_sentence_ends_without_a_pause(cloner, voice):
    assert digital_silences(cloner.speak(RUSSIAN, voice), least_seconds=0.1) == []


def test_a_long_text_is_spoken_to_its_end(cloner, voice):
    sentence = "Мы долго шли по узкой дороге, и никто не сказал ни слова. "
    one, twelve = cloner.speak(sentence, voice), cloner.speak(12 * sentence, voice)
    pauses = 11 * SENTENCE_PAUSE_SECONDS * SAMPLE_RATE
    assert len(twelve) - pauses == pytest.approx(12 * len(one), rel=0.05)
    assert len(digital_silences(twelve, SENTENCE_PAUSE_SECONDS / 2)) == 11


def test_speaking_twice_as_fast_takes_half_the_time(cloner, voice):
    slow, fast = (len(cloner.speak(THREE_SENTENCES, voice, speed=speed)) for speed in (0.8, 1.6))
    assert fast == pytest.approx(slow / 2, rel=0.06)


def test_pauses_between_sentences_can_be_longer(cloner, voice):
    said = cloner.speak(THREE_SENTENCES, voice, pauses=2.0)
    assert digital_silences(said, SENTENCE_PAUSE_SECONDS) == pytest.approx([2 * SENTENCE_PAUSE_SECONDS] * 2, abs=0.02)


def test_a_silence_in_brackets_is_exact_whatever_the_speed_and_the_pauses(cloner, voice):
    said = cloner.speak("One. [pause 0.8] Two.", voice, speed=2.0, pauses=0.5)
    assert max(digital_silences(said, 0.5)) == pytest.approx(0.8, abs=0.02)


def test_sentences_come_one_by_one_and_make_the_whole(cloner, voice):
    pieces = [said.waveform for said in cloner.say(cloner.read(THREE_SENTENCES), voice)]
    assert len(pieces) == 3
    np.testing.assert_array_equal(np.concatenate(pieces), cloner.speak(THREE_SENTENCES, voice))


def test_stopping_between_sentences_leaves_the_networks_free(cloner, voice):
    saying = cloner.say(cloner.read(THREE_SENTENCES), voice)
    next(saying)
    saying.close()
    assert len(cloner.speak(ENGLISH, voice)) > 0


def test_every_sentence_has_the_same_level(cloner, voice):
    levels = [level_db(trim(said.waveform)) for said in cloner.say(cloner.read(THREE_SENTENCES), voice)]
    assert max(levels) - min(levels) < 2


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 24_000])
def test_a_voice_is_more_like_itself_than_another_at_any_sample_rate(cloner, voice, sample_rate):
    speech, tone = (soxr.resample(one, SAMPLE_RATE, sample_rate) for one in (kathleen(), harmonic_tone(110, 3.0)))
    itself = cloner.embed(speech, sample_rate) @ voice.embedding
    assert itself > (0.95 if sample_rate >= SAMPLE_RATE else 0.8)
    assert itself > cloner.embed(tone, sample_rate) @ voice.embedding


def test_too_little_speech_is_not_embedded(cloner):
    with pytest.raises(RecordingTooShort):
        cloner.embed(kathleen()[:SAMPLE_RATE], SAMPLE_RATE)


def test_recording_is_heard_with_its_findings(cloner, voice):
    profile, findings = cloner.hear(KATHLEEN)
    assert findings.found == () and findings.figures.bandwidth > 7000
    assert profile.to_bytes() == voice.to_bytes()


def test_unfit_recording_is_refused_with_its_findings(cloner):
    with pytest.raises(RecordingUnfit) as refusal:
        cloner.hear(wav(kathleen()[: SAMPLE_RATE // 2]))
    assert [finding.code for finding in refusal.value.findings.faults] == ["too_short"]


def test_profile_is_that_of_its_parts_heard_alone(cloner, encoder):
    """A recording of less than half a minute is heard whole."""
    speech = trim(kathleen(), max_pause_seconds=MAX_PAUSE_SECONDS)
    f0 = cloner.vocoder.pitch.f0(speech_mel(torch.from_numpy(levelled(speech))))
    alone, heard = profile_of(speech, f0, encoder), cloner.examine(kathleen())[0]
    np.testing.assert_allclose(heard.features(), alone.features(), atol=1e-5)
    np.testing.assert_allclose(heard.reference, alone.reference, atol=1e-2)
    assert heard.seconds == alone.seconds


def test_voice_without_a_reference_still_speaks(cloner, voice):
    old = replace(voice, reference=voice.reference[:0])
    assert len(cloner.speak(ENGLISH, old)) > SAMPLE_RATE / 2


def test_reference_is_classified_once_for_a_voice_that_speaks_again(cloner, voice, monkeypatch):
    heard = []
    monkeypatch.setattr(cloner, "_references", {})
    monkeypatch.setattr(cloner, "_voices", {})
    monkeypatch.setattr(
        cloner.classifier, "forward", lambda mel, mask: heard.append(1) or torch.zeros(1, mel.shape[1], len(SYMBOLS))
    )
    cloner.speak(THREE_SENTENCES, voice)
    cloner.speak(ENGLISH, voice)
    assert len(heard) == 1


@pytest.mark.parametrize("work", ["load_recording", "trim", "speech_mel", "encoder_mel", "examine", "best_window"])
def test_networks_are_free_while_a_recording_is_decoded_and_measured(cloner, voice, monkeypatch, work):
    at_work, spoken = Event(), Event()

    def slow(*given, **named):
        at_work.set()
        assert spoken.wait(60)
        return original(*given, **named)

    owner = recording if work == "load_recording" else cloning
    original = getattr(owner, work)
    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(owner, work, slow)
        heard = threads.submit(cloner.hear, KATHLEEN)
        assert at_work.wait(60)
        said = cloner.speak(ENGLISH, voice)
        spoken.set()
        assert len(said) and heard.result()[0].to_bytes() == voice.to_bytes()


def test_second_speech_of_a_voice_makes_no_second_trial(cloner, voice, monkeypatch):
    calls = []
    mel = cloner.mel
    monkeypatch.setattr(
        cloner, "mel", lambda sentence, *given: calls.append(sentence.language) or mel(sentence, *given)
    )
    monkeypatch.setattr(cloner, "_corrections", {})
    for text in (ENGLISH, ENGLISH, RUSSIAN, ENGLISH, RUSSIAN):
        cloner.speak(text, VoiceProfile.from_bytes(voice.to_bytes()))
    assert calls == ["en", "en", "en", "ru", "ru", "en", "ru"]
    cloner.speak(ENGLISH, replace(voice, pitch=voice.pitch + 0.1))
    assert calls[-2:] == ["en", "en"]


def test_a_voice_that_is_far_off_says_two_trials(cloner, voice, monkeypatch):
    asked, wanted = [], voice.pitch[0]
    monkeypatch.setattr(cloner, "_corrections", {})
    monkeypatch.setattr(cloner, "mel", lambda _sentence, _voice, _speed, height, *_: (asked.append(height), None))
    for far, trials in ((1.0, [0.0]), (3.0, [0.0, 3.0])):  # semitones; half of what is asked for is done
        said = lambda _mel, far=far: np.full(50, np.exp(wanted - (far - asked[-1] / 2) * np.log(2) / 12))  # noqa: E731
        monkeypatch.setattr(cloner.vocoder.pitch, "f0", said)
        asked.clear()
        profile = replace(voice, seconds=voice.seconds + far)
        assert cloner.correction(profile, "en") == pytest.approx(sum(trials) + (far - trials[-1] / 2), abs=0.01)
        assert asked == pytest.approx(trials, abs=0.01)


def test_as_many_trials_are_remembered_as_there_is_room_for(cloner, voice, monkeypatch):
    monkeypatch.setattr(cloner, "_corrections", {})
    monkeypatch.setattr(cloning, "MAX_CORRECTIONS", 2)
    first, *others = (replace(voice, pitch=voice.pitch + shift) for shift in (0.0, 0.1, 0.2))
    for profile in (first, others[0], first, others[1]):
        cloner.correction(profile, "en")
    assert len(cloner._corrections) == 2
    monkeypatch.setattr(cloner, "mel", None)  # so that another trial would fail
    assert cloner.correction(first, "en") == cloner.correction(first, "en")


@pytest.mark.parametrize(("speed", "limit"), [(0.01, 0.5), (100.0, 2.0)])
def test_speed_stays_within_its_limits(cloner, voice, speed, limit):
    np.testing.assert_array_equal(cloner.speak(ENGLISH, voice, speed=speed), cloner.speak(ENGLISH, voice, speed=limit))


@pytest.mark.parametrize("format", ["mp3", "wav"])
def test_speech_survives_its_file(cloner, voice, format):
    said = cloner.speak(ENGLISH, voice)
    heard = load_recording(cloner.encode(said, format), max_seconds=20)
    assert len(heard) == pytest.approx(len(said), abs=0.12 * SAMPLE_RATE)
    assert level_db(heard) == pytest.approx(level_db(said), abs=2)  # an mp3 drops some of a noise


def test_weights_are_loaded_from_a_folder_and_say_the_same(cloner, voice, tmp_path):
    networks = {"speaker_encoder": cloner.encoder, "phone_classifier": cloner.classifier}
    networks |= {"speaker_verifier": cloner.verifier, "synthesizer": cloner.synthesizer, "vocoder": cloner.vocoder}
    networks["mel_discriminator"] = tiny_discriminator()
    for name, network in networks.items():
        checkpoint.save(tmp_path / f"{name}.safetensors", network, dtype=torch.float32)
    loaded = VoiceCloner.load(tmp_path, "cpu", precision="float32", mean_fit=False)
    networks["speaker_verifier"] = copy.deepcopy(cloner.verifier).folded()
    *others, discriminator = networks.values()
    cloner = VoiceCloner(*others, "cpu", discriminator=discriminator)
    assert loaded.device == "cpu"
    assert loaded.sample_rate == 16_000
    np.testing.assert_array_equal(loaded.speak(ENGLISH, voice), cloner.speak(ENGLISH, voice))
