"""Recordings of a voice as it learns from them: short clips whose phones, durations, pitch and energy are known."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.alignment import Alignment, align, hear, phone_energy, phone_pitch, states_of
from models.audio import FRAME_SECONDS, SAMPLE_RATE, SPEECH_MEL, levelled, speech_mask, speech_mel, trim
from models.limits import LANGUAGES
from models.phone_classifier import PhoneClassifier
from models.pitch import PitchEstimator
from models.synthesizer import ENERGY_MIDDLE, PITCH_UNIT
from models.text import NothingToSay, TextTooLong
from models.text.symbols import PAUSES, START, phone_ids

MIN_CLIP_SECONDS, MAX_CLIP_SECONDS = 1.0, 5.0
MAX_SCORES = 15_000_000  # frames times states of a recording that is aligned with its text, 120 MB
MIN_CUT_FRAMES = 8  # of a pause, where an aligned recording may be cut
CUT_SECONDS = 0.2  # of silence, where a long recording may be cut
MAX_PAUSE_SECONDS = 0.5  # kept of each pause
FAR_LIKELIHOOD = 1.0  # below the median of the voice's clips: its text is not what was said


@dataclass(frozen=True)
class Clip:
    """mel: (frames, 80); ids, languages, durations (frames), pitch (of PITCH_UNIT about the voice's median) and energy:
    (phones,), as in Synthesizer; likelihood: as in Alignment."""

    mel: Tensor
    ids: Tensor
    languages: Tensor
    durations: Tensor
    pitch: Tensor
    energy: Tensor
    likelihood: float

    @property
    def seconds(self) -> float:
        return len(self.mel) / SPEECH_MEL.frames_per_second


def clips_of(
    waveform: np.ndarray,
    text: str | None,
    language: str | None,
    classifier: PhoneClassifier,
    estimator: PitchEstimator,
    median_log_f0: float,
) -> Iterator[Clip]:
    """The clips of a recording.

    waveform: (samples,) at 16 kHz; text: what is read in it, and language: of what; None where not known: then phones
    are heard by the classifier, as they are in a recording that is too long to be aligned.
    """
    speech = trim(waveform, max_pause_seconds=MAX_PAUSE_SECONDS)
    if len(speech) < MIN_CLIP_SECONDS * SAMPLE_RATE:
        return
    speech = levelled(speech)
    languages = (language,) if language in LANGUAGES else LANGUAGES
    if text and language:
        mel = _mel(speech)
        try:
            states = states_of(text, language, len(mel))
        except (NothingToSay, TextTooLong):
            states = None
        if states and (~states.optional).sum() < len(mel) < MAX_SCORES / len(states.classes):
            for frames, found in cut(align(classifier, mel, states)):
                yield _clip(mel[frames], found, estimator, median_log_f0)
            return
    for piece in pieces(speech):
        mel = _mel(piece)
        yield _clip(mel, hear(classifier, mel, languages), estimator, median_log_f0)


def cut(whole: Alignment) -> Iterator[tuple[slice, Alignment]]:
    """Divide an alignment at pauses into parts of MAX_CLIP_SECONDS, longer ones where nobody paused; with their frames.

    Half of a pause ends a part, the other half begins the next.
    """
    rate = SPEECH_MEL.frames_per_second
    phones, durations = list(whole.phones), list(whole.durations)
    first, start, length = 0, 0, 0  # phone and frame that the part begins with, and its frames
    breaks = []  # (place of a pause, frames until its middle)
    parts = []
    for place, (phone, duration) in enumerate(zip(phones, durations, strict=True)):
        is_pause = phone in (START, *PAUSES) and place not in (0, len(phones) - 1) and duration >= MIN_CUT_FRAMES
        if is_pause:
            breaks.append((place, length + duration // 2))
        length += duration
        while length > MAX_CLIP_SECONDS * rate and breaks:
            last, frames = breaks[-1]
            parts.append((first, last, start, frames))
            start, length, first = start + frames, length - frames, last
            breaks = []
    parts.append((first, len(phones) - 1, start, length))
    for first, last, start, frames in parts:
        own = durations[first : last + 1]
        inner = sum(own[1:-1])
        if first:
            own[0] -= durations[first] // 2
        own[-1] = frames - inner - own[0]
        languages = whole.languages[first : last + 1]
        found = Alignment([START, *phones[first + 1 : last + 1]], languages, own, whole.likelihood)
        yield slice(start, start + frames), found


def rightly_read(clips: list[Clip]) -> list[Clip]:
    """The clips whose phones go with their sound, about as well as those of the others do."""
    if not clips:
        return []
    least = float(np.median([clip.likelihood for clip in clips])) - FAR_LIKELIHOOD
    return [clip for clip in clips if clip.likelihood >= least]


def pieces(waveform: np.ndarray) -> Iterator[np.ndarray]:
    """Parts of a recording of at most MAX_CLIP_SECONDS, cut in pauses, or after MAX_CLIP_SECONDS where there is none.

    waveform: (samples,) at 16 kHz.  What is shorter than MIN_CLIP_SECONDS is left out.
    """
    hop, longest = int(FRAME_SECONDS * SAMPLE_RATE), int(MAX_CLIP_SECONDS * SAMPLE_RATE)
    edges = np.flatnonzero(np.diff(np.concatenate([[1], speech_mask(waveform), [1]])))
    cuts = [
        int((start + end) // 2 * hop)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if (end - start) * FRAME_SECONDS >= CUT_SECONDS
    ]
    first = 0
    while first < len(waveform):
        within = [cut for cut in (*cuts, len(waveform)) if first < cut <= first + longest]
        last = within[-1] if within else first + longest
        if last - first >= MIN_CLIP_SECONDS * SAMPLE_RATE:
            yield waveform[first:last]
        first = last


def _mel(waveform: np.ndarray) -> np.ndarray:
    return speech_mel(torch.from_numpy(waveform.astype(np.float32))).T.contiguous().numpy()


def _clip(mel: np.ndarray, found: Alignment, estimator: PitchEstimator, median_log_f0: float) -> Clip:
    durations = np.array(found.durations)
    device = next(estimator.parameters()).device
    f0 = estimator.f0(torch.from_numpy(mel.T.copy()).to(device))
    pitch = (phone_pitch(f0, durations) - median_log_f0) / PITCH_UNIT
    return Clip(
        torch.from_numpy(mel),
        torch.tensor(phone_ids(found.phones)),
        torch.tensor([LANGUAGES.index(language) for language in found.languages]),
        torch.from_numpy(durations),
        torch.from_numpy(pitch.astype(np.float32)),
        torch.from_numpy((phone_energy(mel, durations) - ENERGY_MIDDLE).astype(np.float32)),
        found.likelihood,
    )
