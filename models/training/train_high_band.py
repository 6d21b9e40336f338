"""The vocoder's levels above 8 kHz, learned from the clips that have them; all else of the vocoder stays as it is.

    python -m models.training.train_high_band metadata.csv VOCODER.safetensors OUT.safetensors

Prints the log-spectral distance between 8 and 12 kHz on clips and speakers that were left out: of the vocoder's sound
from the clip's mel, of the same with the mean level of each band, and of nothing at all.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn import functional as F

from models import checkpoint
from models.audio import SAMPLE_RATE, SPEECH_MEL, levelled, speech_mel
from models.training.corpus import Clip, read_audio, read_manifest
from models.training.run import learning_rate, set_learning_rate
from models.vocoder import Vocoder, VocoderConfig

WIDE_SOURCES = ("kathleen", "kokoro_a", "rhvoice_ru")  # recorded at 24 kHz or more
CLIPS_PER_SOURCE, TEST_CLIPS = 500, 40  # the latter of speakers that no other clip is of, where a source has many
GIVEN_RATE, HIGH_BANDS = 24_000, 20
LEAST_MAGNITUDE = 1e-3  # of a bin; below it all is silence
STEPS, BATCH, PEAK_RATE = 4_000, 2_048, 2e-3
SPEECH_FLOOR = 30.0  # dB below the loudest frames of a clip, from which on a frame is silence


@dataclass(frozen=True)
class Frames:
    """features: (frames, dim) of the vocoder; levels: (frames, HIGH_BANDS), log RMS magnitudes of the recording."""

    features: Tensor
    levels: Tensor


def waveforms(path: Path) -> tuple[np.ndarray, Tensor]:
    """A recording at GIVEN_RATE, levelled, and its speech mel, (1, 80, frames)."""
    waveform, rate = read_audio(path)
    heard = soxr.resample(waveform, rate, SAMPLE_RATE)
    gain = np.abs(levelled(heard)).max() / max(np.abs(heard).max(), 1e-9)
    return soxr.resample(waveform, rate, GIVEN_RATE) * gain, speech_mel(torch.from_numpy(heard * gain))[None]


def stft_of(waveform: np.ndarray) -> Tensor:
    """Magnitudes at GIVEN_RATE, (bins, frames), in the units of the vocoder's STFT at 16 kHz."""
    n_fft, hop = (length * GIVEN_RATE // SAMPLE_RATE for length in (SPEECH_MEL.n_fft, SPEECH_MEL.hop_length))
    waveform = torch.from_numpy(waveform.astype(np.float32))
    stft = torch.stft(waveform, n_fft, hop, window=torch.hann_window(n_fft), return_complex=True)
    return stft.abs() * (SAMPLE_RATE / GIVEN_RATE)


def high_bins(magnitudes: Tensor) -> Tensor:
    """The bins above 8 kHz, (bins, frames)."""
    return magnitudes[SPEECH_MEL.n_fft // 2 + 1 :]


@torch.inference_mode()
def frames_of(vocoder: Vocoder, root: Path, clips: list[Clip]) -> Frames:
    features, levels = [], []
    for clip in clips:
        waveform, mel = waveforms(root / clip.path)
        of_clip = vocoder.frames(mel, *vocoder.pitch.read(mel))[0]
        power = high_bins(stft_of(waveform)).square()
        wanted = F.adaptive_avg_pool1d(power.T[None], HIGH_BANDS)[0].sqrt().clamp(min=LEAST_MAGNITUDE).log()
        length = min(len(of_clip), len(wanted))
        features.append(of_clip[:length])
        levels.append(wanted[:length])
    return Frames(torch.cat(features), torch.cat(levels))


@torch.inference_mode()
def spectral_distance(vocoder: Vocoder, root: Path, clips: list[Clip]) -> np.ndarray:
    """Log-spectral distance in dB between 8 and 12 kHz, over the frames of speech; of each clip."""
    distances = []
    for clip in clips:
        waveform, mel = waveforms(root / clip.path)
        real = stft_of(waveform)
        length = min(real.shape[1], mel.shape[2]) - 1
        made = stft_of(vocoder(mel)[0].numpy())
        loud = 10 * real.square().sum(0).log10()
        is_speech = (loud > loud.max() - SPEECH_FLOOR)[:length]
        real, made = (20 * high_bins(part)[:, :length].clamp(min=LEAST_MAGNITUDE).log10() for part in (real, made))
        distances.append(float((real - made).square().mean(0).sqrt()[is_speech].mean()))
    return np.array(distances)


def with_high_band(narrow: Vocoder) -> Vocoder:
    """The same vocoder, which gives out GIVEN_RATE; what lies above 8 kHz is not learned yet."""
    config = replace(narrow.config, sample_rate=GIVEN_RATE, high_bands=HIGH_BANDS)
    torch.manual_seed(0)
    vocoder = Vocoder(config)
    vocoder.load_state_dict(narrow.state_dict(), strict=False)
    return vocoder.eval()


def train(vocoder: Vocoder, frames: Frames) -> None:
    """Learn the levels; mean distance of logarithms."""
    with torch.no_grad():
        vocoder.high[-1].weight.zero_()
        vocoder.high[-1].bias.copy_(frames.levels.mean(0))
    optimizer = torch.optim.AdamW(vocoder.high.parameters(), weight_decay=0.01)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        set_learning_rate(optimizer, learning_rate(step, STEPS, PEAK_RATE))
        rows = torch.from_numpy(rng.integers(len(frames.features), size=BATCH))
        loss = (vocoder.high(frames.features[rows]) - frames.levels[rows]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 500 == 0:
            print(f"step {step + 1}  distance of levels {float(loss.detach()) * 8.686:.2f} dB", flush=True)


def divided(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Clips of the sources that reach above 8 kHz, to learn from and to test with."""
    rng, learned, tested = np.random.default_rng(0), [], []
    for source in WIDE_SOURCES:
        own = [clip for clip in clips if clip.source == source]
        own = [own[i] for i in rng.permutation(len(own))]
        speakers = sorted({clip.speaker for clip in own})
        unseen = set(speakers[::10]) if len(speakers) > 10 else set()
        held = [clip for clip in own if clip.speaker in unseen] if unseen else own
        tested += held[:TEST_CLIPS]
        rest = [clip for clip in own if clip.speaker not in unseen and clip not in tested]
        learned += rest[:CLIPS_PER_SOURCE]
    return learned, tested


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("vocoder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    root = arguments.manifest.parent
    learned, tested = divided(read_manifest(arguments.manifest))
    vocoder = with_high_band(checkpoint.load(arguments.vocoder, Vocoder, VocoderConfig))
    frames = frames_of(vocoder, root, learned)
    untrained = with_high_band(vocoder)
    with torch.no_grad():
        for level, name in ((np.log(LEAST_MAGNITUDE), "nothing"), (frames.levels.mean(0), "mean level of each band")):
            untrained.high[-1].weight.zero_()
            untrained.high[-1].bias.copy_(torch.as_tensor(level).expand(HIGH_BANDS))
            print(f"{name}: {spectral_distance(untrained, root, tested).mean():.2f} dB", flush=True)
    train(vocoder, frames)
    distances = spectral_distance(vocoder, root, tested)
    for source in WIDE_SOURCES:
        own = [d for d, clip in zip(distances, tested, strict=True) if clip.source == source]
        print(f"learned, {source}: {np.mean(own):.2f} dB over {len(own)} clips")
    checkpoint.save(arguments.out, vocoder, **checkpoint.provenance(arguments.vocoder))


if __name__ == "__main__":
    main()
