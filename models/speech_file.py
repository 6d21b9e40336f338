"""Write speech to a file piece by piece, so that memory does not grow with its length."""

import io
import struct
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import lameenc
import numpy as np

from models.errors import N_, TembrError
from models.limits import FORMATS, KBITS, PCM_SAMPLE_RATE, STREAM_FORMATS, USUAL_KBITS
from models.recording import open_recording, within_full_scale

TAGS = ("title", "artist", "comment", "date", "software")
ID3_FRAMES = {"title": b"TIT2", "artist": b"TPE1", "comment": b"COMM", "date": b"TDRC", "software": b"TSSE"}
MAX_TAG_CHARACTERS = 500
BLOCK_SECONDS = 1.0  # of what is encoded at once
MP3_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # Hz
MPEG_1_RATE = 32_000  # Hz; frames are of MPEG-2 below it
MPEG_2_KBITS = 160  # the highest bit rate of MPEG-2
LAME_QUALITY = 3  # 0 is best, 9 fastest
LAME_DELAY = 576  # samples, at the rate of the mp3, that LAME puts before the speech


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
        if format not in FORMATS + STREAM_FORMATS:
            template = N_("Speech is saved as %(known)s, not %(given)s.")
            raise UnknownFormat(template, known=", ".join(dict.fromkeys(FORMATS + STREAM_FORMATS)), given=format)
        if kbits not in KBITS:
            template = N_("An mp3 has %(known)s kbit/s, not %(given)s.")
            raise UnknownFormat(template, known=", ".join(map(str, KBITS)), given=kbits)
        self.sample_rate, self.n_samples, tags = sample_rate, 0, _plain(tags or {})
        with ExitStack() as opened:
            file = opened.enter_context(target.open("wb")) if isinstance(target, Path) else target
            if format == "mp3":
                self._writer = _Mp3(file, sample_rate, kbits, tags)
            else:
                self._writer = _Container(file, sample_rate, _KINDS[format], tags)
            self._opened = opened.pop_all()

    def write(self, waveform: np.ndarray) -> None:
        """Add a piece; whoever reads the file then finds it there, but for what a codec holds back.

        waveform: (samples,) float, full scale 1; what is louder is turned down.
        """
        waveform, block = within_full_scale(waveform), round(BLOCK_SECONDS * self.sample_rate)
        for first in range(0, len(waveform), block):
            samples = np.round(waveform[first : first + block] * 32767).astype("<i2")
            self.n_samples += len(samples)
            self._writer.write(samples)
        self._writer.flush()

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def close(self) -> None:
        """Finish the file.  Raises OSError when the disk refuses."""
        with self._opened:
            self._writer.close()

    def __enter__(self) -> "SpeechFile":
        return self

    def __exit__(self, *error) -> None:
        self.close()


class _Mp3:
    """An mp3 as LAME writes it, after its tags.

    A file that can be sought has a frame of silence before the first of LAME's, which tells players what to leave out
    at the start, and from close() on also the length.
    """

    def __init__(self, file: BinaryIO, sample_rate: int, kbits: int, tags: Mapping[str, str]):
        least = max(sample_rate, MPEG_1_RATE if kbits > MPEG_2_KBITS else 0)
        self._rate = next((rate for rate in MP3_RATES if rate >= least), MP3_RATES[-1])
        self._file, self._sample_rate, self._kbits = file, sample_rate, kbits
        self._n_samples, self._n_bytes, self._header = 0, 0, b""
        self._encoder = lameenc.Encoder()
        self._encoder.set_bit_rate(kbits)
        self._encoder.set_in_sample_rate(sample_rate)
        self._encoder.set_out_sample_rate(self._rate)
        self._encoder.set_channels(1)
        self._encoder.set_quality(LAME_QUALITY)
        self._encoder.silence()  # it prints otherwise
        self._file.write(_id3(tags))
        self._place = file.tell() if file.seekable() else None

    def write(self, samples: np.ndarray) -> None:
        self._n_samples += len(samples)
        self._append(self._encoder.encode(samples.tobytes()))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        if self._n_samples:  # LAME fails on flush() before the first encode()
            self._append(self._encoder.flush())
        if self._header:
            self._file.seek(self._place)
            self._file.write(self._info(is_whole=True))
            self._file.seek(0, io.SEEK_END)
        self._file.flush()

    def _append(self, frames: bytes) -> None:
        if frames and not self._n_bytes and self._place is not None:
            self._header = bytes([*frames[:2], frames[2] & ~2, frames[3]])  # without a byte of padding
            self._file.write(self._info(is_whole=False))
        self._n_bytes += len(frames)
        self._file.write(frames)

    def _info(self, is_whole: bool) -> bytes:
        """Return the frame that says what the mp3 holds; until that is known, only what precedes the speech.

        Its layout is that of Xing, "Info" instead where the bit rate is constant, with LAME's extension
        (gabriel.mp3-tech.org/mp3infotag.html; libavformat/mp3dec.c reads it).
        """
        samples_a_frame, side_bytes = (1152, 17) if self._rate >= MPEG_1_RATE else (576, 9)
        bytes_a_frame = samples_a_frame // 8 * self._kbits * 1000 / self._rate
        n_frames = round(self._n_bytes / bytes_a_frame)
        counts, padding = bytes(4), 0
        if is_whole:
            n_samples = round(self._n_samples * self._rate / self._sample_rate)
            padding = n_frames * samples_a_frame - LAME_DELAY - n_samples
            counts = struct.pack(">III", 1 | 2, n_frames, int(bytes_a_frame) + self._n_bytes)
        lame = b"LAME3.100\x01".ljust(21, b"\x00") + (LAME_DELAY << 12 | padding).to_bytes(3, "big")
        frame = self._header + bytes(side_bytes) + b"Info" + counts + lame
        return frame.ljust(int(bytes_a_frame), b"\x00")


def _id3(tags: Mapping[str, str]) -> bytes:
    """Return an ID3v2.4 tag in UTF-8 (id3.org, ID3 tag version 2.4.0); b"" without tags."""
    frames = b""
    for name, value in tags.items():
        body = b"\x03" + (b"und\x00" if name == "comment" else b"") + value.encode()
        frames += ID3_FRAMES[name] + _synchsafe(len(body)) + b"\x00\x00" + body
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames if frames else b""


def _synchsafe(number: int) -> bytes:
    """Return a number as four bytes of seven bits each."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


class _Container:
    """A file of any other format, as FFmpeg writes it."""

    def __init__(self, file: BinaryIO, sample_rate: int, kind: _Kind, tags: Mapping[str, str]):
        self._sample_rate, self._n_samples, self._sink = sample_rate, 0, _Sink(file)
        options = {"fflags": "+bitexact", "flush_packets": "1", **kind.options}
        self._container = av.open(self._sink, "w", format=kind.muxer, container_options=options)
        self._stream = _stream(self._container, kind, sample_rate)
        named = {kind.software if name == "software" else name: value for name, value in tags.items()}
        self._container.metadata.update(named)
        self._container.start_encoding()

    def write(self, samples: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._sample_rate, self._n_samples
        self._n_samples += len(samples)
        self._container.mux(self._stream.encode(frame))

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        with self._container:
            if self._n_samples:
                self._container.mux(self._stream.encode(None))
        self._sink.flush()


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


def _stream(container: av.container.OutputContainer, kind: _Kind, sample_rate: int) -> av.audio.AudioStream:
    """Add a mono stream to a container, at the sample rate of the waveform or the next one that the codec has."""
    rates = [kind.rate] if kind.rate else sorted(av.Codec(kind.codec, "w").audio_rates or [sample_rate])
    rate = next((rate for rate in rates if rate >= sample_rate), rates[-1])
    stream = container.add_stream(kind.codec, rate=rate, layout="mono")
    if kind.kbits:
        stream.bit_rate = kind.kbits * 1000
    return stream


def _plain(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that say anything, each as one line of bounded length."""
    lines = {name: " ".join(value.replace("\x00", " ").split()) for name, value in tags.items()}
    return {name: line[:MAX_TAG_CHARACTERS] for name, line in lines.items() if line}


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
