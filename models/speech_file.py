"""Write speech to a file piece by piece, so that memory does not grow with its length."""

import errno
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import lameenc
import numpy as np
import soundfile

from models.errors import N_, TembrError
from models.limits import FORMATS, KBITS, USUAL_KBITS
from models.recording import open_recording, within_full_scale

MPEG_2_KBITS = 160  # the highest bit rate of an mp3 below 32 kHz
MPEG_1_RATE = 32_000  # Hz
TAGS = ("title", "artist", "comment", "date", "software")
ID3_FRAMES = {"title": b"TIT2", "artist": b"TPE1", "comment": b"COMM", "date": b"TDRC", "software": b"TSSE"}
MAX_TAG_CHARACTERS = 500
_SOUNDFILE_KINDS = {"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "OPUS")}


class UnknownFormat(TembrError):
    """Speech is not saved in this format, or not at this bit rate."""


class SpeechFile:
    """A writer of an audio file, piece by piece; close() finishes the file.

    target: a path, or an open binary file, which stays open.  tags: any of TAGS.  kbits: of an mp3.
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
        if format not in FORMATS:
            template = N_("Speech is saved as %(known)s, not %(given)s.")
            raise UnknownFormat(template, known=", ".join(FORMATS), given=format)
        if kbits not in KBITS:
            template = N_("An mp3 has %(known)s kbit/s, not %(given)s.")
            raise UnknownFormat(template, known=", ".join(map(str, KBITS)), given=kbits)
        tags = {
            name: " ".join(value.replace("\x00", " ").split())[:MAX_TAG_CHARACTERS]
            for name, value in (tags or {}).items()
            if value
        }
        self.sample_rate, self.n_samples = sample_rate, 0
        self._writer = (
            _Mp3(target, sample_rate, kbits, tags) if format == "mp3" else _Sound(target, sample_rate, format, tags)
        )

    def write(self, waveform: np.ndarray) -> None:
        """Add a piece; whoever reads the file then finds it there, but for what a codec holds back.

        waveform: (samples,) float, full scale 1; what is louder is turned down.
        """
        waveform = within_full_scale(waveform)
        self.n_samples += len(waveform)
        for first in range(0, len(waveform), self.sample_rate):  # Opus overflows its stack on long blocks
            self._writer.write(np.round(waveform[first : first + self.sample_rate] * 32767).astype("<i2"))

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def close(self) -> None:
        """Finish the file.  Raises OSError when the disk refuses."""
        self._writer.close()

    def __enter__(self) -> "SpeechFile":
        return self

    def __exit__(self, *error) -> None:
        self.close()


class _Mp3:
    """An mp3 as lame writes it, with its tags before it."""

    def __init__(self, target: Path | BinaryIO, sample_rate: int, kbits: int, tags: Mapping[str, str]):
        self._encoder = lameenc.Encoder()
        self._encoder.set_bit_rate(kbits)
        self._encoder.set_in_sample_rate(sample_rate)
        if kbits > MPEG_2_KBITS:
            self._encoder.set_out_sample_rate(max(sample_rate, MPEG_1_RATE))
        self._encoder.set_channels(1)
        self._encoder.set_quality(2)  # 2 is near best, 7 fastest
        self._encoder.silence()  # it prints otherwise
        self._is_begun = False
        self._opened = ExitStack()
        self._file = self._opened.enter_context(target.open("wb")) if isinstance(target, Path) else target
        self._file.write(_id3(tags))

    def write(self, samples: np.ndarray) -> None:
        self._file.write(self._encoder.encode(samples.tobytes()))
        self._file.flush()
        self._is_begun = True

    def close(self) -> None:
        with self._opened:
            if self._is_begun:  # lame fails on flush() before the first encode()
                self._file.write(self._encoder.flush())


class _Sound:
    """wav, flac and Opus by libsndfile, which opens a path itself: it swallows exceptions of a Python file."""

    def __init__(self, target: Path | BinaryIO, sample_rate: int, format: str, tags: Mapping[str, str]):
        container, codec = _SOUNDFILE_KINDS[format]
        with _as_os_error():
            self._file = soundfile.SoundFile(target, "w", sample_rate, 1, codec, format=container)
        for name, value in tags.items():
            setattr(self._file, name, value)

    def write(self, samples: np.ndarray) -> None:
        with _as_os_error():
            self._file.write(samples)
            self._file.flush()

    def close(self) -> None:
        with _as_os_error():
            self._file.close()


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn errors of libsndfile and its wrapper, as from a full disk, into OSError."""
    try:
        yield
    except (soundfile.LibsndfileError, AssertionError) as error:
        raise OSError(errno.EIO, "the audio file could not be written") from error


def _id3(tags: Mapping[str, str]) -> bytes:
    """Write an ID3v2.4 tag in UTF-8 (id3.org, ID3 tag version 2.4.0); b"" without tags."""
    frames = b""
    for name, value in tags.items():
        body = b"\x03" + (b"und\x00" if name == "comment" else b"") + value.encode()
        frames += ID3_FRAMES[name] + _synchsafe(len(body)) + b"\x00\x00" + body
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames if frames else b""


def _synchsafe(number: int) -> bytes:
    """Write a number as four bytes of seven bits each."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


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
    """Encode a mono waveform as a whole file of one of FORMATS.

    waveform: (samples,) float, full scale 1; what is louder is turned down as a whole, never clipped.
    Keeps the number of samples, but for mp3, whose codec pads up to 0.1 s.  Raises UnknownFormat.
    """
    file = io.BytesIO()
    with SpeechFile(file, sample_rate, format) as speech:
        speech.write(waveform)
    return file.getvalue()
