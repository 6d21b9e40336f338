"""Recordings of every kind come in, speech goes out, and hostile files do no harm."""

import io
import struct
import tracemalloc

import av
import numpy as np
import pytest
import soundfile

from models.recording import (
    SAMPLE_RATE,
    RecordingSilent,
    RecordingTooLong,
    UnreadableAudio,
    load_recording,
)

TONE_SECONDS = 3.0
TONE_RMS = 0.3 / np.sqrt(2)


def tone(rate: int, seconds: float = TONE_SECONDS, peak: float = 0.3, hertz: float = 440) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def audio_file(container="wav", codec="pcm_s16le", rate=16_000, layout="mono", channels=None, picture=False) -> bytes:
    """A file of a tone, or of the given (n_channels, n_samples), with a silent film beside it if asked for."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        film = output.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p") if picture else None
        stream = output.add_stream(codec, rate=rate, layout=layout)
        if channels is None:
            channels = np.tile(tone(rate), (len(stream.codec_context.layout.channels), 1))
        if film:
            for _ in range(30):
                output.mux(film.encode(av.VideoFrame(64, 64, "yuv420p")))
            output.mux(film.encode(None))
        interleaved = np.ascontiguousarray(np.transpose(channels), np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, "flt", layout)
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def vorbis_file() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(44_100), 44_100, format="OGG", subtype="VORBIS")
    return file.getvalue()


def middle_rms(waveform: np.ndarray) -> float:
    """Level away from the ends, where codecs ring."""
    return float(np.sqrt(np.mean(waveform[SAMPLE_RATE // 2 : 2 * SAMPLE_RATE] ** 2)))


def pitch(waveform: np.ndarray) -> float:
    """Hz of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(waveform))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(audio_file("wav", "pcm_s16le", 44_100), id="wav"),
        pytest.param(audio_file("wav", "pcm_f32le", 48_000, "stereo"), id="wav of floats"),
        pytest.param(audio_file("wav", "pcm_mulaw", 8_000), id="wav from a telephone"),
        pytest.param(audio_file("mp3", "libmp3lame", 44_100, "stereo"), id="mp3"),
        pytest.param(audio_file("flac", "flac", 96_000), id="flac"),
        pytest.param(audio_file("ogg", "libopus", 48_000), id="opus"),
        pytest.param(vorbis_file(), id="vorbis"),
        pytest.param(audio_file("ipod", "aac", 44_100, "stereo"), id="m4a"),
        pytest.param(audio_file("mov", "alac", 44_100), id="alac"),
        pytest.param(audio_file("adts", "aac", 48_000), id="aac"),
        pytest.param(audio_file("webm", "libopus", 48_000), id="webm"),
        pytest.param(audio_file("matroska", "libopus", 48_000, picture=True), id="film in matroska"),
        pytest.param(audio_file("mp4", "aac", 48_000, picture=True), id="film in mp4"),
        pytest.param(audio_file("aiff", "pcm_s16be", 22_050), id="aiff"),
    ],
)
def test_every_container_gives_the_same_tone(content):
    waveform = load_recording(content, max_seconds=10)
    assert waveform.dtype == np.float32 and waveform.ndim == 1
    assert len(waveform) / SAMPLE_RATE == pytest.approx(TONE_SECONDS, abs=0.06)
    assert middle_rms(waveform) == pytest.approx(TONE_RMS, rel=0.07)
    assert pitch(waveform) == pytest.approx(440, abs=1)


def test_a_path_reads_as_its_bytes_do(tmp_path):
    path = tmp_path / "named.txt"
    path.write_bytes(audio_file())
    np.testing.assert_array_equal(load_recording(path, 10), load_recording(path.read_bytes(), 10))


def test_resampling_does_not_fold_high_tones_down():
    content = audio_file(rate=48_000, channels=tone(48_000, hertz=15_000)[None])
    assert middle_rms(load_recording(content, 10)) < 0.001 * TONE_RMS


@pytest.mark.parametrize("right", [0.0, -1.0, 1.0], ids=["silent", "inverted", "equal"])
def test_stereo_keeps_the_voice_whatever_the_other_channel_holds(right):
    left = tone(16_000)
    waveform = load_recording(audio_file(layout="stereo", channels=np.stack([left, right * left])), 10)
    assert middle_rms(waveform) == pytest.approx(TONE_RMS, rel=0.01)


@pytest.mark.parametrize(
    ("container", "codec", "layout"),
    [("wav", "pcm_s16le", "5.1"), ("wav", "pcm_s16le", "7.1"), ("flac", "flac", "7.1"), ("mp4", "aac", "7.1")],
)
def test_many_channels_are_read(container, codec, layout):
    """Eight channels once crashed the decoder, and the site with it."""
    waveform = load_recording(audio_file(container, codec, 48_000, layout), 10)
    assert len(waveform) / SAMPLE_RATE == pytest.approx(TONE_SECONDS, abs=0.06)
    assert pitch(waveform) == pytest.approx(440, abs=1)


def test_many_channels_take_no_more_memory_than_two():
    peaks = []
    for channels in (2, 8):
        file = io.BytesIO()
        soundfile.write(file, np.tile(tone(16_000)[:, None], (15, channels)), 16_000, format="FLAC")
        tracemalloc.start()
        load_recording(file.getvalue(), 60)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_more_channels_than_a_film_has_are_refused():
    file = io.BytesIO()
    soundfile.write(file, np.zeros((16_000, 9)), 16_000, format="WAV")
    with pytest.raises(UnreadableAudio, match="9 channels, and at most 8"):
        load_recording(file.getvalue(), 10)


def test_samples_that_are_no_number_become_silence():
    samples = tone(16_000)
    samples[8_000:8_100] = np.nan
    samples[20_000] = np.inf
    waveform = load_recording(audio_file(codec="pcm_f32le", channels=samples[None]), 10)
    assert np.isfinite(waveform).all()
    assert middle_rms(waveform) == pytest.approx(TONE_RMS, rel=0.05)


def test_what_exceeds_full_scale_is_turned_down_not_clipped():
    waveform = load_recording(audio_file(codec="pcm_f32le", channels=tone(16_000, peak=4.0)[None]), 10)
    assert 0.99 < np.abs(waveform).max() <= 1
    assert middle_rms(waveform) == pytest.approx(1 / np.sqrt(2), rel=0.01)  # still a sine


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(np.random.default_rng(5).bytes(200_000), id="random"),
        pytest.param(bytes(20_000), id="zeros"),
        pytest.param(b"hello, world\n" * 1000, id="text"),
        pytest.param(b"%PDF-1.7\n" * 500, id="pdf"),
        pytest.param(audio_file()[:44], id="header only"),
        pytest.param(audio_file("mp4", "aac", 44_100)[:9_000], id="mp4 without its index"),
    ],
)
def test_what_is_no_audio_is_refused_in_words(content):
    with pytest.raises(UnreadableAudio, match=r"cannot be read as audio: .+\. Use a wav, mp3"):
        load_recording(content, 10)


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile '{path}'\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{path}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://{path}\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["concat", "hls", "hls url", "sdp"],
)
def test_a_playlist_opens_no_other_file(tmp_path, playlist):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(audio_file())
    path = tmp_path / "list.m3u8"
    path.write_text(playlist.format(path=secret))
    for source in (path, path.read_bytes()):
        with pytest.raises(UnreadableAudio):
            load_recording(source, 10)


def test_a_film_without_sound_is_refused():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        film = output.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        output.mux(film.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(film.encode(None))
    with pytest.raises(UnreadableAudio, match="no audio track"):
        load_recording(file.getvalue(), 10)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(UnreadableAudio, match=r"gone\.wav"):
        load_recording(tmp_path / "gone.wav", 10)


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac")])
def test_a_truncated_recording_is_heard_as_far_as_it_goes(container, codec):
    noise = 0.2 * np.random.default_rng(1).standard_normal((1, 3 * 16_000))
    whole = audio_file(container, codec, channels=noise)
    waveform = load_recording(whole[: len(whole) // 2], 10)
    assert len(waveform) / SAMPLE_RATE == pytest.approx(1.5, abs=0.3)


def test_a_wav_that_claims_days_is_as_long_as_its_samples():
    content = bytearray(audio_file())
    at = content.index(b"data") + 4
    content[at : at + 4] = content[4:8] = struct.pack("<I", 0xFFFFFFFF)
    assert len(load_recording(bytes(content), 10)) / SAMPLE_RATE == pytest.approx(TONE_SECONDS, abs=0.01)


@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_an_absurd_sample_rate_is_refused(rate):
    content = bytearray(audio_file())
    content[24:28] = struct.pack("<I", rate)
    with pytest.raises(UnreadableAudio):
        load_recording(bytes(content), 10)


def test_a_long_recording_is_refused_with_limit_and_length():
    content = audio_file(channels=tone(16_000, seconds=12)[None])
    with pytest.raises(RecordingTooLong, match=r"too long: 12 s. The limit is 10 s"):
        load_recording(content, 10)
    assert len(load_recording(content, 12)) == 12 * SAMPLE_RATE


def test_a_bomb_is_decoded_no_further_than_the_limit(monkeypatch):
    content = audio_file("flac", "flac", channels=np.zeros((1, 1200 * 16_000)))  # 20 minutes in a few kilobytes
    assert len(content) < 500_000
    decoded = []
    original = av.AudioResampler.resample

    class Counting:
        def __init__(self, **settings):
            self.resampler = av_resampler(**settings)

        def resample(self, frame):
            decoded.append(frame.samples if frame else 0)
            return original(self.resampler, frame)

    av_resampler = av.AudioResampler
    monkeypatch.setattr(av, "AudioResampler", Counting)
    with pytest.raises(RecordingTooLong):
        load_recording(content, 10)
    assert sum(decoded) / SAMPLE_RATE < 11


@pytest.mark.parametrize(("peak", "level"), [(0.0, "every sample is zero"), (10 ** (-70 / 20), "-70 dBFS")])
def test_a_silent_recording_is_refused_with_its_level(peak, level):
    content = audio_file(codec="pcm_f32le", channels=tone(16_000, peak=peak)[None])
    with pytest.raises(RecordingSilent, match=level):
        load_recording(content, 10)


def test_a_whisper_is_loud_enough():
    content = audio_file(codec="pcm_f32le", channels=tone(16_000, peak=10 ** (-55 / 20))[None])
    assert len(load_recording(content, 10)) == TONE_SECONDS * SAMPLE_RATE
