"""The quality of a recording: what is wrong with it before a voice is made of it, and its best part.

Limits come from degraded real recordings: docs/quality.md, benchmarks/quality.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import webrtcvad

from models.audio import ENCODER_MEL, SAMPLE_RATE, levelled, speech_mask
from models.errors import N_, Message, TembrError
from models.speaker_encoder import PARTIAL_FRAMES

FRAME = SAMPLE_RATE // 100  # samples: 10 ms
MIN_SPEECH_SECONDS = PARTIAL_FRAMES / ENCODER_MEL.frames_per_second  # the least that the speaker encoder takes
GOOD_SPEECH_SECONDS = 3.5
MIN_CONTRAST_DB = 2.0  # between speech and floor; steady noise stays below
MIN_LEVEL_DB = -45.0  # dBFS
MAX_CLIPPED = 0.002  # share of samples
MIN_SNR_DB = 17.0
MIN_BANDWIDTH = 4_200.0  # Hz; a telephone ends at 3,400
MIN_SIMILARITY = 0.70  # cosine between the two groups of partials
MAX_TONAL = 0.05  # share of frames
MIN_FALL_DB = 7.0  # within 50 ms, where sounds end
SAME_VOICE = 0.84  # cosine of two recordings' embeddings

VAD_STRICTNESS = 2  # of 0..3
MAX_PARTIALS = 60  # embedded of a recording; spaced out above 47 s
MIN_GROUP = 0.15  # least share of the partials in either of two speakers' groups
SMOOTHING = 5  # frames, of the level
NEAR_PEAK = 0.95  # of the loudest sample; clipped samples stay above, even after mp3 or Opus
INAUDIBLE_DB = 50.0  # below the strongest frequency
TONE_FRAMES = 10  # of 20 ms; voiced harmonics move within that time
BEST_SECONDS = 10.0
BEST_STEP_SECONDS = 0.25
SPECTRA_AT_ONCE = 2_000


@dataclass(frozen=True)
class Figures:
    """Measurements of a recording."""

    speech_seconds: float
    level_db: float  # dBFS, of the speech
    clipped: float  # share of samples
    snr_db: float  # level of speech above the 5th percentile of all frames
    bandwidth: float  # Hz, of the highest audible frequency
    tonal: float  # share of frames that hold a chord
    fall_db: float  # within 50 ms, at the end of sounds
    group_similarity: float | None  # cosine of the two groups of partials; None when there is too little speech


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a recording.

    code: one of docs/quality.md.  message: what is wrong, by how much, and what to do.  is_fault: no voice can be made;
    otherwise it is a warning.
    """

    code: str
    message: Message
    is_fault: bool = False


@dataclass(frozen=True)
class Findings:
    """Measurements of a recording, its best part (in samples), and what is wrong with it."""

    figures: Figures
    best: slice
    found: tuple[Finding, ...] = ()

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.found if finding.is_fault]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.found if not finding.is_fault]

    @property
    def best_seconds(self) -> tuple[float, float]:
        """Start and end of the best part, in seconds."""
        return self.best.start / SAMPLE_RATE, self.best.stop / SAMPLE_RATE


class RecordingUnfit(TembrError):
    """The recording has a fault, so no voice can be made of it; message: that of the first fault."""

    def __init__(self, findings: Findings):
        self.findings = findings
        message = findings.faults[0].message
        super().__init__(message.template, **message.values)


def examine(waveform: np.ndarray, partials: np.ndarray) -> Findings:
    """Measure and judge a recording.

    waveform: (samples,) at 16 kHz, as load_recording gives it, untrimmed.  partials: (partials, 256), embeddings of
    partial utterances from all over its speech, unit norm; none of less than MIN_SPEECH_SECONDS.
    """
    spoken = voice_mask(waveform)
    figures = measure(waveform, spoken, partials)
    return Findings(figures, best_window(waveform, spoken=spoken), tuple(judge(figures)))


def measure(waveform: np.ndarray, spoken: np.ndarray, partials: np.ndarray) -> Figures:
    """Measure a recording.  Takes what examine does; spoken: as voice_mask gives it."""
    power = _frame_power(waveform)
    level = _decibels(power[spoken].mean()) if spoken.any() else -120.0
    floor = np.percentile(_decibels(_smoothed(power)), 5) if spoken.any() else level
    return Figures(
        speech_seconds=float(spoken.sum() * FRAME / SAMPLE_RATE),
        level_db=float(level),
        clipped=clipped_share(waveform),
        snr_db=float(level - floor),
        bandwidth=bandwidth(waveform, spoken),
        tonal=tonal_share(waveform),
        fall_db=fall(waveform),
        group_similarity=group_similarity(partials) if len(partials) else None,
    )


def judge(figures: Figures) -> Iterator[Finding]:
    """Compare figures with their limits; yield the first fault alone or, without one, every warning."""
    if not figures.speech_seconds or figures.snr_db < MIN_CONTRAST_DB:
        template = N_(
            "No speech was found in this recording. Record one person speaking close to the microphone for 5 to 10 s."
        )
        yield Finding("no_speech", Message(template), is_fault=True)
        return
    if figures.group_similarity is None:
        template = N_(
            "The recording has %(seconds).1f s of speech; at least %(least).1f s is needed. Record 5 to 10 s."
        )
        seconds = min(figures.speech_seconds, MIN_SPEECH_SECONDS - 0.1)  # the networks may hear less than WebRTC
        message = Message(template, {"seconds": seconds, "least": MIN_SPEECH_SECONDS})
        yield Finding("too_short", message, is_fault=True)
        return
    if figures.speech_seconds < GOOD_SPEECH_SECONDS:
        template = N_(
            "The recording has only %(seconds).1f s of speech: with %(least).1f s or more the voice will sound"
            " closer. Record 5 to 10 s."
        )
        yield Finding("short", Message(template, {"seconds": figures.speech_seconds, "least": GOOD_SPEECH_SECONDS}))
    if figures.level_db < MIN_LEVEL_DB:
        template = N_(
            "The voice is very quiet: %(level).0f dBFS, and %(least).0f dBFS or more is better. Speak closer to"
            " the microphone or turn its level up."
        )
        yield Finding("quiet", Message(template, {"level": figures.level_db, "least": MIN_LEVEL_DB}))
    if figures.clipped > MAX_CLIPPED:
        template = N_(
            "The recording is distorted by clipping: %(share).1f of 1,000 samples, and more than %(limit).1f can"
            " be heard. Speak further from the microphone or turn its level down."
        )
        yield Finding("clipped", Message(template, {"share": 1000 * figures.clipped, "limit": 1000 * MAX_CLIPPED}))
    if figures.bandwidth < MIN_BANDWIDTH:
        template = N_(
            "There is no sound above %(highest).1f kHz, as in a phone call, so the voice will sound dull. Record"
            " with a microphone rather than from a call."
        )
        yield Finding("narrow", Message(template, {"highest": figures.bandwidth / 1000}))
    if figures.tonal > MAX_TONAL:
        template = N_(
            "There is music or a steady tone in %(share).1f%% of the recording, and the limit is %(limit)g%%."
            " Turn it off or use a recording without it."
        )
        yield Finding("music", Message(template, {"share": 100 * figures.tonal, "limit": 100 * MAX_TONAL}))
    elif figures.snr_db < MIN_SNR_DB:
        template = N_(
            "There is a lot of noise or echo: the voice is %(snr).0f dB above it, and %(least).0f dB or more is"
            " better. Record in a quiet, furnished room, close to the microphone."
        )
        yield Finding("noisy", Message(template, {"snr": figures.snr_db, "least": MIN_SNR_DB}))
    elif figures.fall_db < MIN_FALL_DB:
        template = N_(
            "The room echoes: sounds fade by %(fall).1f dB in 50 ms, and %(least).1f dB or more is better. Record"
            " in a furnished room, closer to the microphone."
        )
        yield Finding("echo", Message(template, {"fall": figures.fall_db, "least": MIN_FALL_DB}))
    if figures.group_similarity < MIN_SIMILARITY:
        template = N_(
            "More than one person seems to be speaking: the similarity between parts of the recording is"
            " %(similarity).2f, and with one person it is %(least).2f or more. Use a recording of one person."
        )
        values = {"similarity": figures.group_similarity, "least": MIN_SIMILARITY}
        yield Finding("several", Message(template, values))


def voice_mask(waveform: np.ndarray) -> np.ndarray:
    """Tell which 10 ms frames hold speech, by WebRTC's detector and by energy.

    waveform: (samples,) at 16 kHz.  Returns booleans, (samples // 160,).
    """
    detector = webrtcvad.Vad(VAD_STRICTNESS)
    waveform = levelled(waveform)
    samples = np.round(waveform * 32767).astype("<i2")
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    heard = np.fromiter((detector.is_speech(frame.tobytes(), SAMPLE_RATE) for frame in frames), bool, len(frames))
    return heard & speech_mask(waveform)[: len(heard)]


def clipped_share(waveform: np.ndarray) -> float:
    """Share of samples near the peak, 0..1; large in a clipped recording."""
    loudness = np.abs(waveform)
    return float((loudness > NEAR_PEAK * loudness.max(initial=1e-9)).mean()) if len(waveform) else 0.0


def bandwidth(waveform: np.ndarray, spoken: np.ndarray) -> float:
    """Highest frequency, in Hz, within INAUDIBLE_DB of the strongest in the loudest speech.  spoken: see voice_mask."""
    power = _spectra(waveform, 512, FRAME)
    n_frames = min(len(power), len(spoken))
    loud = power[:n_frames][spoken[:n_frames]]
    if not len(loud):
        return 0.0
    level = np.convolve(_decibels(np.percentile(loud, 95, axis=0)), np.ones(5) / 5, "same")
    return float(np.flatnonzero(level > level.max() - INAUDIBLE_DB)[-1] * SAMPLE_RATE / 512)


def tonal_share(waveform: np.ndarray) -> float:
    """Share of 20 ms frames, 0..1, with three or more steady tones, which last TONE_FRAMES: music or a hum."""
    level = _decibels(_spectra(waveform, 1024, 2 * FRAME)[:, 4:257])  # 62 to 4,000 Hz
    if len(level) <= TONE_FRAMES:
        return 0.0
    around = np.maximum.reduce([np.roll(level, shift, 1) for shift in (-4, -3, 3, 4)])
    highest = (level >= np.roll(level, 1, 1)) & (level >= np.roll(level, -1, 1))
    peaks = highest & (level > around + 6) & (level > level.max() - 60)
    peaks[:, :4] = peaks[:, -4:] = False  # their neighbours lie outside the band
    n_peaks = np.cumsum(np.pad(peaks, ((1, 0), (0, 0))), axis=0)
    steady = n_peaks[TONE_FRAMES:] - n_peaks[:-TONE_FRAMES] >= TONE_FRAMES - 1
    return float((steady.sum(1) >= 3).mean())


def fall(waveform: np.ndarray) -> float:
    """Fastest tenth of the falls of the level within 50 ms, in dB; reverberation makes it small."""
    hop = FRAME // 2
    power = np.square(waveform[: len(waveform) // hop * hop], dtype=np.float64).reshape(-1, hop).mean(1)
    if len(power) < 20:
        return 60.0
    level = np.convolve(_decibels(power + 1e-9), np.ones(4) / 4, "valid")
    change = level[10:] - level[:-10]
    from_loud = level[:-10] > np.percentile(level, 95) - 25
    return float(-np.percentile(change[from_loud], 10)) if from_loud.any() else 60.0


def spread_starts(n_frames: int) -> np.ndarray:
    """First frames of partial utterances of an encoder mel, overlapping by half; MAX_PARTIALS at most."""
    starts = np.arange(0, n_frames - PARTIAL_FRAMES + 1, PARTIAL_FRAMES // 2)
    return starts[np.linspace(0, len(starts) - 1, min(len(starts), MAX_PARTIALS)).round().astype(int)]


def group_similarity(partials: np.ndarray) -> float:
    """Cosine between the centres of two clusters of partial embeddings; low if two people speak.

    1 for fewer than four partials, or if one cluster is smaller than MIN_GROUP.  partials: (partials, 256), unit norm.
    """
    if len(partials) < 4:
        return 1.0
    centres = partials[list(np.unravel_index(np.argmin(partials @ partials.T), (len(partials),) * 2))]
    for _ in range(10):
        is_second = (partials @ (centres[1] - centres[0])) > 0
        if not MIN_GROUP <= is_second.mean() <= 1 - MIN_GROUP:
            return 1.0
        centres = _unit(np.stack([partials[~is_second].mean(0), partials[is_second].mean(0)]))
    return float(centres[0] @ centres[1])


def best_window(waveform: np.ndarray, seconds: float = BEST_SECONDS, spoken: np.ndarray | None = None) -> slice:
    """Find the part of a recording, at most `seconds` long, with most clear speech; in samples.

    waveform: (samples,) at 16 kHz.  spoken: as voice_mask gives it, computed if None.
    """
    n_frames, width = len(waveform) // FRAME, round(seconds * SAMPLE_RATE / FRAME)
    if n_frames <= width:
        return slice(0, len(waveform))
    weights = _weights(waveform, voice_mask(waveform) if spoken is None else spoken)[:n_frames]
    total = np.concatenate([[0.0], np.cumsum(weights)])
    starts = np.arange(0, n_frames - width + 1, round(BEST_STEP_SECONDS * SAMPLE_RATE / FRAME))
    start = int(starts[np.argmax(total[starts + width] - total[starts])]) * FRAME
    return slice(start, start + width * FRAME)


def _weights(waveform: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """Weight of each 10 ms frame, 0..1: 1 for speech 30 dB above the noise, 0 for silence and clipping."""
    power = _frame_power(waveform)
    level = _decibels(_smoothed(power))
    floor = np.array([np.percentile(level[max(0, at - 200) : at + 200], 5) for at in range(0, len(level), 50)])
    clearness = np.clip((level - np.repeat(floor, 50)[: len(level)]) / 30, 0, 1)
    loudness = np.abs(waveform[: len(power) * FRAME]).reshape(-1, FRAME)
    is_clipped = (loudness > NEAR_PEAK * loudness.max()).sum(1) > 2
    return spoken * clearness * ~is_clipped


def _frame_power(waveform: np.ndarray) -> np.ndarray:
    return np.square(waveform[: len(waveform) // FRAME * FRAME], dtype=np.float64).reshape(-1, FRAME).mean(1)


def _smoothed(power: np.ndarray) -> np.ndarray:
    return np.convolve(power, np.ones(SMOOTHING) / SMOOTHING, "same")


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(power + 1e-12)


def _spectra(waveform: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Power spectra, (frames, n_fft // 2 + 1) float32, computed in blocks to bound the memory."""
    padded = np.pad(waveform, (0, max(0, n_fft - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = np.hanning(n_fft)
    some = [frames[at : at + SPECTRA_AT_ONCE] for at in range(0, len(frames), SPECTRA_AT_ONCE)]
    return np.concatenate([np.square(np.abs(np.fft.rfft(part * window, axis=1))).astype(np.float32) for part in some])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
