"""Write speech to a file piece by piece, so that memory does not grow with its length."""

import io
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import numpy as np

from models.errors import N_, TembrError
from models.limits import FORMATS, KBITS, PCM_SAMPLE_RATE, STREAM_FORMATS, USUAL_KBITS
from models.recording import open_recording, within_full_scale

MPEG_2_KBITS = 160  # the highest bit rate of an mp3 below 32 kHz
MPEG_1_RATE = 32_000  # Hz
TAGS = ("title", "artist", "comment", "date", "software")
MAX_TAG_CHARACTERS = 500
BLOCK_SECONDS = 1.0  # of what is encoded at once


class _Kind(NamedTuple):
    """muxer and codec: as FFmpeg calls them.  options: of the muxer.  software: its name for that tag, if it has any.

    rate: the only sample rate in Hz, where there is one.
    """

    muxer: str
    codec: str
    options: Mapping[str, str] = {}
    software: str = "software"
    kbits: int | None = None
    rate: int | None = None


_OPUS = _Kind("ogg", "libopus", {"page_duration": "100000"}, kbits=48)  # microseconds
_KINDS = {
    "mp3": _Kind("mp3", "libmp3lame", software="TSSE"),
    "wav": _Kind("wav", "pcm_s16le", software="ISFT"),
    "flac": _Kind("flac", "flac"),
    "ogg": _OPUS,
    "opus": _OPUS,
    "aac": _Kind("adts", "aac", kbits=96),
    "pcm": _Kind("s16le", "pcm_s16le", rate=PCM_SAMPLE_RATE),
}


class UnknownFormat(TembrError):
    """Speech is not saved in this format, or not at this bit rate."""


class SpeechFile:
    """A writer of an audio file, piece by piece; close() finishes the file.

    target: a path, or an open binary file, which stays open; where it cannot be sought, as a pipe, the header does not
    say the length.  Until close() it is a stream that can be heard as far as it goes.  format: of FORMATS or
    STREAM_FORMATS.  tags: any of TAGS; aac and pcm have no place for them.  kbits: of an mp3.
    Raises UnknownFormat, and OSError when the disk refuses.
    """

    def __init__(
        self,
        target: Path | BinaryIO,
        sample_rate: int,
        format: str,
        tags: Mapping[str, str] | None = None,
        kbits: int = USUAL_KBITS,
    ):
        if format not in _KINDS:
            template = N_("Speech is saved as %(known)s, not %(given)s.")
            raise UnknownFormat(template, known=", ".join(dict.fromkeys(FORMATS + STREAM_FORMATS)), given=format)
        if kbits not in KBITS:
            template = N_("An mp3 has %(known)s kbit/s, not %(given)s.")
            raise UnknownFormat(template, known=", ".join(map(str, KBITS)), given=kbits)
        kind = _KINDS[format]
        self.sample_rate, self.n_samples = sample_rate, 0
        with ExitStack() as opened:
            file = opened.enter_context(target.open("wb")) if isinstance(target, Path) else target
            self._sink = _Sink(file)
            options = {"fflags": "+bitexact", "flush_packets": "1", **kind.options}
            self._container = av.open(self._sink, "w", format=kind.muxer, container_options=options)
            opened.callback(self._container.close)
            self._stream = _stream(self._container, kind, sample_rate, kbits)
            self._container.metadata.update(_written(tags or {}, kind))
            self._container.start_encoding()
            self._opened = opened.pop_all()

    def write(self, waveform: np.ndarray) -> None:
        """Add a piece; whoever reads the file then finds it there, but for what a codec holds back.

        waveform: (samples,) float, full scale 1; what is louder is turned down.
        """
        waveform, block = within_full_scale(waveform), round(BLOCK_SECONDS * self.sample_rate)
        for first in range(0, len(waveform), block):
            samples = np.round(waveform[first : first + block] * 32767).astype("<i2")
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = self.sample_rate, self.n_samples
            self.n_samples += len(samples)
            self._container.mux(self._stream.encode(frame))
        self._sink.flush()

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def close(self) -> None:
        """Finish the file.  Raises OSError when the disk refuses."""
        with self._opened:
            if self.n_samples:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            self._sink.flush()

    def __enter__(self) -> "SpeechFile":
        return self

    def __exit__(self, *error) -> None:
        self.close()


class _Sink:
    """What FFmpeg writes a file through.  It takes no exceptions: the first is kept, and raised by flush."""

    def __init__(self, file: BinaryIO):
        self._file, self._fault = file, None
        self.seekable, self.tell = file.seekable, file.tell

    def write(self, content: bytes) -> int:
        self._try(lambda: self._file.write(content))
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._try(lambda: self._file.seek(offset, whence)) or 0

    def flush(self) -> None:
        """Write what is buffered.  Raises OSError when the disk refuses this, or refused anything before."""
        self._try(self._file.flush)
        if self._fault:
            raise self._fault

    def _try(self, action: Callable[[], int | None]) -> int | None:
        if self._fault is None:
            try:
                return action()
            except OSError as fault:
                self._fault = fault
        return None


def _stream(
    container: av.container.OutputContainer, kind: _Kind, sample_rate: int, mp3_kbits: int
) -> av.audio.AudioStream:
    """Add a mono stream to a container, at the sample rate of the waveform or the next one that the codec has."""
    is_mp3 = kind.codec == "libmp3lame"
    kbits, least = (mp3_kbits if is_mp3 else kind.kbits), (MPEG_1_RATE if is_mp3 and mp3_kbits > MPEG_2_KBITS else 0)
    rates = [kind.rate] if kind.rate else sorted(av.Codec(kind.codec, "w").audio_rates or [sample_rate])
    rate = next((rate for rate in rates if rate >= max(sample_rate, least)), rates[-1])
    stream = container.add_stream(
        kind.codec, rate=rate, layout="mono", options={"compression_level": "3"} if is_mp3 else {}
    )
    if kbits:
        stream.bit_rate = kbits * 1000
    return stream


def _written(tags: Mapping[str, str], kind: _Kind) -> dict[str, str]:
    """Return tags as a container of that kind is given them: each one line, of bounded length."""
    plain = {name: " ".join(value.replace("\x00", " ").split()) for name, value in tags.items()}
    return {
        kind.software if name == "software" else name: value[:MAX_TAG_CHARACTERS]
        for name, value in plain.items()
        if value
    }


def read_tags(source: bytes | Path) -> dict[str, str]:
    """Read those of TAGS that an audio file of any kind has.  Raises UnreadableAudio."""
    with open_recording(source) as container:
        found = dict(container.metadata)
        for stream in container.streams.audio:
            found.update(stream.metadata)
    found = {name.lower(): value for name, value in found.items()}
    found.setdefault("software", found.get("encoder", ""))
    return {name: found[name] for name in TAGS if found.get(name)}


def encode(waveform: np.ndarray, sample_rate: int, format: str) -> bytes:
    """Encode a mono waveform as a whole file of one of FORMATS or STREAM_FORMATS.

    waveform: (samples,) float, full scale 1; what is louder is turned down as a whole, never clipped.
    Keeps the number of samples, but for aac, whose codec pads up to 0.1 s.  Raises UnknownFormat.
    """
    file = io.BytesIO()
    with SpeechFile(file, sample_rate, format) as speech:
        speech.write(waveform)
    return file.getvalue()
