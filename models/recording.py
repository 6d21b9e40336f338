"""Decode a recording in any format that phones and browsers make to a waveform.

Files are untrusted: the format is detected by content, never by name; only the containers and codecs listed here are
opened; a file cannot open another one; and no more is decoded than the limit allows.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from models.audio import SAMPLE_RATE
from models.errors import N_, Message, TembrError

SILENCE_DBFS = -60.0  # a recording whose loudest sample is below this is silent

CONTAINERS = ("wav", "mp3", "flac", "ogg", "mov", "matroska", "webm", "aac", "aiff", "amr")
CODECS = (
    "mp3", "mp3float", "mp2", "mp2float", "flac", "opus", "libopus", "vorbis", "libvorbis", "aac", "aac_fixed", "alac",
    "amrnb", "amrwb", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be",
    "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "adpcm_ima_wav", "adpcm_ms",
)  # fmt: skip
MAX_STREAMS = 32
MAX_CHANNELS = 8
SAMPLE_RATES = range(4_000, 384_001)  # Hz; the resampler's filter grows with the ratio
MAX_BROKEN_PACKETS = 50  # up to so many are skipped
MAX_PACKETS_PER_SECOND = 2_000  # of the longest recording allowed

LOUDEST = 0.999  # of full scale 1; leaves room for rounding


class UnreadableAudio(TembrError):
    """The file holds no audio that can be decoded; reason, with its values, says why."""

    def __init__(self, reason: str, /, **values: object):
        template = N_(
            "This file cannot be read as audio: %(why)s. Use a wav, mp3, flac, ogg, opus, m4a, aac, webm or mp4 file."
        )
        super().__init__(template, why=Message(reason, values))


class RecordingTooLong(TembrError):
    """The recording is longer than the limit; seconds: as its header says, None if it does not."""

    def __init__(self, max_seconds: float, seconds: float | None):
        if seconds:
            template = N_("The recording is too long: %(seconds).0f s. The limit is %(limit)g s.")
            super().__init__(template, seconds=seconds, limit=max_seconds)
        else:
            super().__init__(N_("The recording is too long. The limit is %(limit)g s."), limit=max_seconds)


class RecordingSilent(TembrError):
    """No sample of the recording reaches SILENCE_DBFS; dbfs: level of the loudest one."""

    def __init__(self, dbfs: float):
        if np.isfinite(dbfs):
            template = N_(
                "The recording is silent: its loudest moment is at %(level).0f dBFS;"
                " at least %(least).0f dBFS is needed."
            )
            super().__init__(template, level=float(dbfs), least=SILENCE_DBFS)
        else:
            template = N_("The recording is silent: every sample is zero; at least %(least).0f dBFS is needed.")
            super().__init__(template, least=SILENCE_DBFS)


def load_recording(source: bytes | Path, max_seconds: float) -> np.ndarray:
    """Decode the first audio stream of a file, or of a file's bytes.

    Returns float32 (n_samples,), mono, SAMPLE_RATE, within -1..1.  Channels are averaged; where that would lose the
    voice (one silent or inverted) the loudest is taken.  Timestamps are ignored: gaps are closed.
    Raises UnreadableAudio, RecordingTooLong (having decoded no more than max_seconds), RecordingSilent.
    """
    with open_recording(source) as container:
        channels = _decode(container, max_seconds)
    waveform = within_full_scale(_mono(channels))
    with np.errstate(divide="ignore"):
        dbfs = 20 * np.log10(np.abs(waveform).max(initial=0.0))
    if dbfs < SILENCE_DBFS:
        raise RecordingSilent(dbfs)
    return waveform


@contextmanager
def open_recording(source: bytes | Path) -> Iterator[av.container.InputContainer]:
    """Open an untrusted file with restricted formats.  Raises UnreadableAudio, also for errors inside the block."""
    options = {
        "format_whitelist": ",".join(CONTAINERS),
        "codec_whitelist": ",".join(CODECS),
        "protocol_whitelist": "none",
        "max_streams": str(MAX_STREAMS),
    }
    with _file(source) as file:
        try:
            with av.open(
                file, container_options=options, metadata_errors="replace", io_open=_refuse_other_files
            ) as container:
                yield container
        except (UnreadableAudio, RecordingTooLong):
            raise
        except (av.FFmpegError, ValueError, OverflowError) as error:
            raise UnreadableAudio(N_("it is damaged or not an audio file")) from error


def _file(source: bytes | Path) -> BinaryIO:
    """Open the source; the decoder gets no file name, which it could take for a protocol."""
    if isinstance(source, bytes):
        if not source:
            raise UnreadableAudio(N_("it is empty"))
        return io.BytesIO(source)
    try:
        return Path(source).open("rb")
    except OSError as error:
        raise UnreadableAudio("%(path)s: %(reason)s", path=source, reason=error.strerror) from error


def _refuse_other_files(url: str, flags: int, options: dict) -> None:
    raise UnreadableAudio(N_("it refers to another file"))


def _decode(container: av.container.InputContainer, max_seconds: float) -> np.ndarray:
    """Decode the first audio stream.  Returns (n_channels, n_samples) float32 at SAMPLE_RATE."""
    if not container.streams.audio:
        raise UnreadableAudio(N_("it has no audio track"))
    stream = container.streams.audio[0]
    _check_stream(stream)
    max_samples = round(max_seconds * SAMPLE_RATE)
    blocks, n_samples = [], 0
    for block in _resampled(_frames(container, stream, max_seconds)):
        blocks.append(block)
        n_samples += block.shape[1]
        if n_samples > max_samples:
            claimed = (container.duration or 0) / av.time_base
            raise RecordingTooLong(max_seconds, claimed if max_seconds < claimed < 1e6 else None)
    if not n_samples:
        raise UnreadableAudio(N_("its audio track is empty"))
    return np.concatenate(blocks, axis=1)


def _check_stream(stream: av.AudioStream) -> None:
    codec = stream.codec_context
    if codec is None or codec.codec.name not in CODECS:
        raise UnreadableAudio(N_("its codec is not supported"))
    if codec.sample_rate not in SAMPLE_RATES:
        raise UnreadableAudio(N_("a sample rate of %(rate)d Hz is not supported"), rate=codec.sample_rate)
    if not 1 <= codec.channels <= MAX_CHANNELS:
        template = N_("it has %(count)d channels, and at most %(limit)d are supported")
        raise UnreadableAudio(template, count=codec.channels, limit=MAX_CHANNELS)


def _frames(container: av.container.InputContainer, stream: av.AudioStream, max_seconds: float) -> Iterator:
    """Decode frames up to the end or to where the file is cut off; skip up to MAX_BROKEN_PACKETS damaged packets."""
    n_broken, max_packets = 0, max(1, max_seconds) * MAX_PACKETS_PER_SECOND
    packets = container.demux(stream)
    for n_packets, packet in enumerate(_until_broken_off(packets)):
        if n_packets > max_packets or n_broken > MAX_BROKEN_PACKETS:
            raise UnreadableAudio(N_("it is damaged"))
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            n_broken += 1


def _until_broken_off(packets: Iterator) -> Iterator:
    """Yield packets; a truncated file ends where it is cut off."""
    try:
        yield from packets
    except (av.InvalidDataError, av.EOFError):
        return


def _resampled(frames: Iterator) -> Iterator[np.ndarray]:
    """Frames of one sample rate and layout -> blocks of (n_channels, n_samples) float32 at SAMPLE_RATE."""
    resampler = None
    for frame in frames:
        layout = "stereo" if frame.layout.nb_channels > 2 else frame.layout  # bounds the memory
        resampler = resampler or av.AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE)
        yield from map(_samples, resampler.resample(frame))
    if resampler:
        yield from map(_samples, resampler.resample(None))


def _samples(frame: av.AudioFrame) -> np.ndarray:
    """(n_channels, n_samples) of an interleaved frame; PyAV 18 crashes on eight planar channels."""
    return frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T


def _mono(channels: np.ndarray) -> np.ndarray:
    """(n_channels, n_samples) -> (n_samples,); NaN and infinite samples become 0, in place."""
    np.nan_to_num(channels, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    peak = max(np.abs(channels).max(), 1e-30)
    channels /= peak  # so that no square is infinite
    mean = channels.mean(axis=0)
    powers = [float(channel @ channel) for channel in channels]
    heard = mean if mean @ mean > 0.4 * max(powers) else channels[np.argmax(powers)]
    return heard * peak


def within_full_scale(waveform: np.ndarray) -> np.ndarray:
    """Return a waveform as float32 without NaN, turned down as a whole if it exceeds full scale."""
    waveform = np.nan_to_num(np.asarray(waveform, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    peak = np.abs(waveform).max(initial=0.0)
    return (waveform * (LOUDEST / peak) if peak > LOUDEST else waveform).astype(np.float32)
