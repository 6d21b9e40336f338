"""Attention alignments of the published synthesizer: count their faults, and shorten silences that are too long.

attention: (steps, characters), weights; written: the sentence's characters without the end symbol; each decoder step
makes `reduction` frames.
"""

import torch
from torch import Tensor

from models.audio import MAX_MEL, MIN_DB, SPEECH_MEL, SPEECH_RANGE_DB

MAX_JUMP = 6  # letters skipped in one step: more means a word was left out
MAX_RETURN = 8  # characters back: more means something is repeated
MIN_FRAMES = 3  # a character: half of what fast speech takes
MAX_DWELL_SECONDS = 1.0  # on one letter
MARKS = " !'\"(),-.:;?"  # not letters: attention may skip them or stay on them
EDGE_SECONDS = 0.05  # of silence kept at both ends
CLOSURE_SECONDS = 0.1  # of silence where no mark stands: the closure of a stop consonant
PAUSE_SECONDS = {
    **dict.fromkeys(',-("', 0.25),
    **dict.fromkeys(";:", 0.35),
    **dict.fromkeys(".?!", 0.45),
}  # of silence at a mark
RANGE = SPEECH_RANGE_DB * 2 * MAX_MEL / -MIN_DB  # of a mel: a frame this far below the loudest is silent


def n_faults(attention: Tensor, written: str, has_stopped: bool, reduction: int) -> int:
    """Count skips, repeats, stalls and a missing stop; 0 when attention passed every letter once, in order."""
    path = attention.argmax(1).tolist()
    furthest, place, dwelt, faults = -1, -1, 0, 0 if has_stopped else 2
    max_dwell = MAX_DWELL_SECONDS * SPEECH_MEL.frames_per_second / reduction  # steps
    is_back = False
    for step in path:
        faults += n_letters(written[furthest + 1 : step]) > MAX_JUMP  # skipped
        faults += (is_far := furthest - step > MAX_RETURN) and not is_back  # repeated
        is_back = is_far
        dwelt = dwelt + 1 if step == place else 1
        faults += dwelt == int(max_dwell) + 1 and written[step : step + 1] not in ("", *MARKS)  # stuck
        furthest, place = max(furthest, step), step
    return faults + (n_letters(written[furthest + 1 :]) > MAX_JUMP)


def n_letters(written: str) -> int:
    return sum(character not in MARKS for character in written)


def n_frames_said(attention: Tensor, written: str, has_stopped: bool, reduction: int) -> int:
    """Number of frames up to the last letter; those after it are noise when the decoder did not stop by itself."""
    if has_stopped:
        return len(attention) * reduction
    last = max((index for index, character in enumerate(written) if character not in MARKS), default=-1)
    at_end = (attention.argmax(1) > last).nonzero()
    end = int(at_end[0]) if len(at_end) else len(attention)
    return min(max(end * reduction, MIN_FRAMES * len(written)), len(attention) * reduction)


def paused(mel: Tensor, attention: Tensor, written: str, reduction: int, pauses: float = 1.0) -> Tensor:
    """Shorten each silence to what the text has there: a closure inside and between words, a pause at a mark.

    mel: (80, frames); pauses: factor of the silences at marks.  Returns (80, frames), at least one.
    """
    level = mel.max(0).values
    is_silent = level < level.quantile(0.95) - RANGE
    path = attention.argmax(1)
    kept = []
    for start, end in runs(is_silent.tolist()):
        if not is_silent[start]:
            kept.append(torch.arange(start, end))
            continue
        near = path[max(0, start // reduction - 1) : end // reduction + 2].tolist()
        asked = [PAUSE_SECONDS[mark] for mark in written[min(near) : max(near) + 2] if mark in PAUSE_SECONDS]
        if start == 0 or end == mel.shape[1]:
            wanted = min(end - start, frames(EDGE_SECONDS))
        elif asked:
            wanted = round(min(end - start, frames(max(asked))) * pauses)
        else:
            wanted = min(end - start, frames(CLOSURE_SECONDS))
        kept.append(resized(start, end, wanted))
    return mel[:, torch.cat(kept).to(mel.device)] if kept else mel


def frames(seconds: float) -> int:
    return round(seconds * SPEECH_MEL.frames_per_second)


def runs(values: list[bool]) -> list[tuple[int, int]]:
    """(start, end) of each run of equal values."""
    borders = [index for index in range(1, len(values)) if values[index] != values[index - 1]]
    return list(zip([0, *borders], [*borders, len(values)], strict=True))


def resized(start: int, end: int, wanted: int) -> Tensor:
    """Indices of the frames that make a silence `wanted` frames long: cut in its middle, or repeated evenly."""
    if wanted > end - start:
        return torch.linspace(start, end - 1, wanted).round().long()
    half = wanted // 2
    return torch.cat([torch.arange(start, start + half), torch.arange(end - (wanted - half), end)])
