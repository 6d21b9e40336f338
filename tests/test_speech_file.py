"""Speech goes to a file piece by piece, says what it is, and loses nothing unnoticed."""

import errno
import io
import resource
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from models.limits import FORMATS, KBITS, PCM_SAMPLE_RATE, STREAM_FORMATS
from models.recording import SAMPLE_RATE, load_recording
from models.speech_file import SpeechFile, UnknownFormat, encode, read_tags
from tests.speech import harmonic_tone, kathleen

LOSSLESS = ("wav", "flac")
TAGS = {
    "title": "Привет, мир",
    "artist": "Анна",
    "comment": "Synthetic speech of a cloned voice",
    "date": "2026-11-23",
    "software": "Tembr",
}


def tone(rate: int = SAMPLE_RATE, seconds: float = 3.0, peak: float = 0.3) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def middle_rms(waveform: np.ndarray) -> float:
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4]
    return float(np.sqrt(np.mean(np.square(middle))))


def hertz(waveform: np.ndarray) -> float:
    return np.argmax(np.abs(np.fft.rfft(waveform))) * SAMPLE_RATE / len(waveform)


@pytest.mark.parametrize("sample_rate", [16_000, 24_000])
@pytest.mark.parametrize("format", FORMATS)
def test_speech_survives_its_file(format, sample_rate):
    waveform = load_recording(encode(tone(sample_rate), sample_rate, format), 10)
    assert len(waveform) / SAMPLE_RATE == pytest.approx(3.0, abs=0.01 if format in LOSSLESS else 0.15)
    assert middle_rms(waveform) == pytest.approx(0.3 / np.sqrt(2), rel=0.06)  # lame turns down by 5 %
    assert hertz(waveform) == pytest.approx(440, abs=1)


@pytest.mark.parametrize("n_samples", [48, 777, 48_001])  # an mp3 holds no fewer than 47
@pytest.mark.parametrize("sample_rate", [16_000, 24_000])
@pytest.mark.parametrize("format", FORMATS)
def test_no_sample_is_added_or_lost(format, sample_rate, n_samples):
    kept = soundfile.info(io.BytesIO(encode(tone(sample_rate, 4.0)[:n_samples], sample_rate, format)))
    assert (kept.frames, kept.samplerate) == (n_samples, sample_rate)


@pytest.mark.parametrize("format", LOSSLESS)
def test_lossless_files_are_16_bit_pcm_to_within_one_step(format):
    samples, rate = soundfile.read(io.BytesIO(encode(tone(24_000), 24_000, format)))
    assert rate == 24_000
    assert soundfile.info(io.BytesIO(encode(tone(24_000), 24_000, format))).subtype == "PCM_16"
    assert np.abs(samples - tone(24_000)).max() <= 1 / 32767


@pytest.mark.parametrize("format", FORMATS)
def test_loud_speech_is_turned_down_not_wrapped_round(format):
    waveform = load_recording(encode(tone(peak=1.7), SAMPLE_RATE, format), 10)
    assert middle_rms(waveform) == pytest.approx(1 / np.sqrt(2), rel=0.06)
    assert hertz(waveform) == pytest.approx(440, abs=1)


def test_a_waveform_with_nan_still_makes_a_file():
    broken = tone()
    broken[100] = np.nan
    samples, _ = soundfile.read(io.BytesIO(encode(broken, SAMPLE_RATE, "wav")))
    assert samples[100] == 0 and np.abs(samples).max() == pytest.approx(0.3, abs=0.01)


def test_another_format_is_refused_by_name():
    with pytest.raises(UnknownFormat, match="mp3, wav, flac, ogg, opus, aac, pcm, not aiff"):
        encode(tone(), SAMPLE_RATE, "aiff")


@pytest.mark.parametrize("format", FORMATS)
def test_pieces_follow_each_other_without_a_seam(tmp_path, format):
    path, whole = tmp_path / f"speech.{format}", harmonic_tone(200, 4.0)
    with SpeechFile(path, SAMPLE_RATE, format) as file:
        for piece in np.array_split(whole, 7):
            file.write(piece)
        assert file.seconds == pytest.approx(4.0)
    assert path.read_bytes() == encode(whole, SAMPLE_RATE, format)
    heard = load_recording(path, 10)
    assert middle_rms(heard) == pytest.approx(middle_rms(whole), rel=0.06)


@pytest.mark.parametrize("format", FORMATS)
def test_tags_come_back_as_they_were_given(tmp_path, format):
    path = tmp_path / f"speech.{format}"
    with SpeechFile(path, SAMPLE_RATE, format, TAGS) as file:
        file.write(tone())
    found = read_tags(path)
    assert found.pop("software").startswith("Tembr")
    assert found == {name: value for name, value in TAGS.items() if name != "software"}
    assert hertz(load_recording(path, 10)) == pytest.approx(440, abs=1)


def test_a_tag_is_one_line_of_bounded_length(tmp_path):
    path = tmp_path / "speech.mp3"
    with SpeechFile(path, SAMPLE_RATE, "mp3", {"title": "a\x00b\n" + "я" * 9_000}) as file:
        file.write(tone())
    title = read_tags(path)["title"]
    assert title.startswith("a b яя") and len(title) == 500


@pytest.mark.parametrize("kbits", KBITS)
def test_an_mp3_has_the_bit_rate_asked_for(tmp_path, kbits):
    path = tmp_path / "speech.mp3"
    with SpeechFile(path, SAMPLE_RATE, "mp3", kbits=kbits) as file:
        file.write(tone(seconds=20))
    assert path.stat().st_size * 8 / 20 / 1000 == pytest.approx(kbits, rel=0.03)
    assert load_recording(path, 30).std() > 0.1


def test_an_impossible_bit_rate_is_refused(tmp_path):
    with pytest.raises(UnknownFormat, match="64, 96, 128, 160, 192 kbit/s, not 500"):
        SpeechFile(tmp_path / "speech.mp3", SAMPLE_RATE, "mp3", kbits=500)
    assert not (tmp_path / "speech.mp3").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
@pytest.mark.parametrize("format", [*FORMATS, "aac", "pcm"])
def test_a_full_disk_is_noticed(capfd, format):
    with pytest.raises(OSError) as raised, SpeechFile(Path("/dev/full"), SAMPLE_RATE, format) as file:
        for _ in range(20):
            file.write(tone())
    assert raised.value.errno == errno.ENOSPC and file.n_samples <= len(tone())
    assert capfd.readouterr() == ("", "")  # nothing of FFmpeg's own


def resident_mb() -> float:
    """Memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells what memory is held")
@pytest.mark.parametrize("format", FORMATS)
def test_a_long_speech_takes_no_memory(tmp_path, format):
    piece = harmonic_tone(150, 5.0)
    with SpeechFile(tmp_path / f"speech.{format}", SAMPLE_RATE, format) as file:
        file.write(piece)
        before = resident_mb()
        for _ in range(40):
            file.write(piece)
        grown_mb = resident_mb() - before
    assert grown_mb < 8  # 200 s are 13 MB of float32


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_closed_before_anything_was_said_is_no_fault(tmp_path, format):
    SpeechFile(tmp_path / f"speech.{format}", SAMPLE_RATE, format, TAGS).close()
    assert (tmp_path / f"speech.{format}").exists()


# --- streams ---

DELAYS = {"mp3": 1105, "aac": 1024}  # samples that the codec puts before the speech, where no header says so
PADDING = {"mp3": 2 * 576, "aac": 2 * 1024}  # samples, at most, after it
LEAST_SNR = {"mp3": 20, "opus": 8, "aac": 20, "flac": 60, "wav": 60, "pcm": 40}  # dB, of the real voice


def decoded(content: bytes, format: str) -> tuple[np.ndarray, int]:
    """(samples,) of a file, and their rate in Hz."""
    if format == "pcm":
        return np.frombuffer(content, "<i2") / 32768, PCM_SAMPLE_RATE
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray()[0] for frame in container.decode(stream)]
        scale = 32768 if frames[0].dtype == np.int16 else 1
        return np.concatenate(frames).astype(np.float64) / scale, stream.rate


class Pipe(io.RawIOBase):
    """A file that cannot be sought, and gives what was written since."""

    def __init__(self):
        self._content = b""

    def writable(self) -> bool:
        return True

    def write(self, content) -> int:
        self._content += content
        return len(content)

    def taken(self) -> bytes:
        content, self._content = self._content, b""
        return content


def streamed(waveform: np.ndarray, sample_rate: int, format: str, n_pieces: int, tags=None) -> list[bytes]:
    """What can be sent after each piece, and after the end."""
    pipe, sent = Pipe(), []
    with SpeechFile(pipe, sample_rate, format, tags) as file:
        for piece in np.array_split(waveform, n_pieces) if len(waveform) else []:
            file.write(piece)
            sent.append(pipe.taken())
    return [*sent, pipe.taken()]


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_stream_of_pieces_is_the_stream_of_the_whole(format):
    pieces = streamed(kathleen(), SAMPLE_RATE, format, 7)
    assert all(pieces[:-1])
    assert b"".join(pieces) == b"".join(streamed(kathleen(), SAMPLE_RATE, format, 1))


@pytest.mark.parametrize("way", ["stream", "whole"])
@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_every_format_says_what_was_spoken_sample_by_sample(format, way):
    said, is_unmarked = kathleen(), way == "stream" or format == "aac"  # ADTS has no place for its delay
    pieces = streamed(said, SAMPLE_RATE, format, 7) if way == "stream" else [encode(said, SAMPLE_RATE, format)]
    heard, rate = decoded(b"".join(pieces), format)
    heard = heard[DELAYS.get(format, 0) if is_unmarked else 0 :]
    said = soxr.resample(said, SAMPLE_RATE, rate)
    assert 0 <= len(heard) - len(said) <= (PADDING.get(format, 0) if is_unmarked else 0)
    heard = heard[: len(said)]
    gain = heard @ said / (said @ said)
    assert gain == pytest.approx(1, abs=0.06)  # lame turns down by 5 %
    assert 10 * np.log10(np.square(said).sum() / np.square(heard / gain - said).sum()) > LEAST_SNR[format]


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_stream_is_heard_from_its_first_piece_on(format):
    first = streamed(kathleen(), SAMPLE_RATE, format, 4)[0]
    heard, rate = decoded(first, format)
    assert len(heard) / rate > len(kathleen()) / 4 / SAMPLE_RATE - 0.35


@pytest.mark.parametrize("sample_rate", [22_050, 44_100])
@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_speech_of_any_sample_rate_is_streamed(format, sample_rate):
    content = b"".join(streamed(tone(sample_rate, 1.0), sample_rate, format, 3))
    heard, rate = decoded(content, format)
    assert len(heard) / rate == pytest.approx(1.0, abs=0.15)
    assert np.argmax(np.abs(np.fft.rfft(heard))) * rate / len(heard) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("format", ["mp3", "opus", "flac", "wav"])
def test_stream_says_what_it_is(format):
    assert read_tags(b"".join(streamed(tone(), SAMPLE_RATE, format, 2, TAGS))) == TAGS


def test_stream_of_an_mp3_does_not_begin_with_a_frame_that_says_its_length():
    assert b"Info" not in b"".join(streamed(tone(), SAMPLE_RATE, "mp3", 2))[:400]


@pytest.mark.parametrize("kbits", KBITS)
@pytest.mark.parametrize("sample_rate", [16_000, 24_000])
def test_whole_mp3_begins_with_a_frame_that_says_its_length(sample_rate, kbits):
    file, n_samples = io.BytesIO(), round(3.3 * sample_rate)
    with SpeechFile(file, sample_rate, "mp3", kbits=kbits) as speech:
        speech.write(tone(sample_rate, 3.3))
    content, rate = file.getvalue(), 32_000 if kbits > 160 else sample_rate
    place, samples_a_frame = content.index(b"Info"), 1152 if rate == 32_000 else 576
    assert place == (21 if rate == 32_000 else 13)  # after a header and the side information of silence
    flags, n_frames, n_bytes = np.frombuffer(content, ">u4", 3, place + 4)
    lame = content[place + 16 :]
    delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23]
    assert (flags, n_bytes, lame[:4], delay) == (3, len(content), b"LAME", 576)
    assert n_frames * samples_a_frame - delay - padding == n_samples * rate // sample_rate
    bytes_a_frame = samples_a_frame // 8 * kbits * 1000 // rate
    assert content[:4] == content[bytes_a_frame:][:4] and len(content) == (n_frames + 1) * bytes_a_frame
    heard, heard_rate = decoded(content, "mp3")
    assert (len(heard), heard_rate) == (n_samples * rate // sample_rate, rate)


def test_mp3_that_grows_tells_its_delay_and_no_length(tmp_path):
    path = tmp_path / "speech.mp3"
    with SpeechFile(path, SAMPLE_RATE, "mp3", TAGS) as file:
        file.write(kathleen())
        growing = path.read_bytes()
    whole = path.read_bytes()
    place = whole.index(b"Info")
    assert growing[place + 4 : place + 12] == bytes(4) + b"LAME" and whole[place + 4 : place + 8] == b"\0\0\0\3"
    assert growing[place + 60 :] == whole[place + 60 : len(growing)]
    heard, _ = decoded(growing + whole[len(growing) :], "mp3")
    exact, _ = decoded(whole, "mp3")
    heard = heard[576:]  # FFmpeg plays a frame without counts, as silence
    assert len(exact) == len(kathleen()) < len(heard) and np.array_equal(heard[: len(exact)], exact)


def test_mp3_may_follow_what_a_file_holds_already():
    file = io.BytesIO(b"before")
    file.seek(0, io.SEEK_END)
    with SpeechFile(file, SAMPLE_RATE, "mp3", TAGS) as speech:
        speech.write(tone())
    assert file.getvalue()[:9] == b"beforeID3" and file.tell() == len(file.getvalue())
    assert len(decoded(file.getvalue()[6:], "mp3")[0]) == len(tone())


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_stream_of_nothing_ends(format):
    assert len(streamed(tone()[:0], SAMPLE_RATE, format, 1)[0]) < 9_000  # flac leaves room for tags
