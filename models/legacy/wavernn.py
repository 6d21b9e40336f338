"""Mel to waveform, sample by sample: WaveRNN (arXiv:1802.08435) over 9-bit mu-law samples.

Modules are named as the tensors of the published vocoder.pt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import MAX_MEL, PREEMPHASIS, SPEECH_MEL
from models.device import CPU, has_bf16_products

FOLD_FRAMES = 40  # 0.5 s: mels are cut into folds of about this length, which are generated as one batch
WARM_UP_FRAMES = 2  # at the start of a fold, discarded
FADE_FRAMES = 2  # cross-faded between folds
SEAM_FRAMES = 8  # on each side of a fold's nominal end, searched for the quietest frame
UPSAMPLED_AT_ONCE = 8  # folds; bounds the memory of mels at the sample rate


@dataclass(frozen=True)
class WaveRNNConfig:
    """Sizes as published.  pad: context frames on each side; scales: factors of upsampling, frames to samples."""

    n_mels: int = SPEECH_MEL.n_mels
    pad: int = 2
    scales: Sequence[int] = (5, 5, 8)
    compute_dim: int = 128
    condition_dim: int = 128
    blocks: int = 10
    rnn_dim: int = 512
    hidden: int = 512
    bits: int = 9
    sample_rate: int = SPEECH_MEL.sample_rate

    @property
    def hop_length(self) -> int:
        return math.prod(self.scales)


class ResidualBlock(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.conv1 = nn.Conv1d(dim, dim, 1, bias=False)
        self.conv2 = nn.Conv1d(dim, dim, 1, bias=False)
        self.batch_norm1 = nn.BatchNorm1d(dim)
        self.batch_norm2 = nn.BatchNorm1d(dim)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.batch_norm2(self.conv2(F.relu(self.batch_norm1(self.conv1(x)))))


class MelResNet(nn.Module):
    """Features of each frame and its context, constant over the samples of the frame."""

    def __init__(self, config: WaveRNNConfig):
        super().__init__()
        self.conv_in = nn.Conv1d(config.n_mels, config.compute_dim, 2 * config.pad + 1, bias=False)
        self.batch_norm = nn.BatchNorm1d(config.compute_dim)
        self.layers = nn.ModuleList(ResidualBlock(config.compute_dim) for _ in range(config.blocks))
        self.conv_out = nn.Conv1d(config.compute_dim, config.condition_dim, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """mel: (batch, 80, frames + 2 * pad).  Returns (batch, condition_dim, frames)."""
        x = F.relu(self.batch_norm(self.conv_in(mel)))
        for layer in self.layers:
            x = layer(x)
        return self.conv_out(x)


class Repeat(nn.Module):
    """Repeat each step `times` times."""

    def __init__(self, times: int):
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(self.times, dim=-1)


class Upsampling(nn.Module):
    """Upsample a mel to the sample rate: repeat and smooth, once for each scale."""

    def __init__(self, config: WaveRNNConfig):
        super().__init__()
        self.indent = config.pad * config.hop_length
        self.resnet = MelResNet(config)
        self.up_layers = nn.Sequential()
        for scale in config.scales:
            self.up_layers.append(Repeat(scale))
            self.up_layers.append(nn.Conv2d(1, 1, (1, 2 * scale + 1), padding=(0, scale), bias=False))

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """mel: (batch, 80, frames + 2 * pad).

        Returns the mel, (batch, frames * hop_length, 80), and the features, (batch, frames, condition_dim).
        """
        upsampled = self.up_layers(mel[:, None])[:, 0, :, self.indent : -self.indent]
        return upsampled.transpose(1, 2), self.resnet(mel).transpose(1, 2)


class WaveRNN(nn.Module):
    """Two GRUs over samples, conditioned on the mel, then linear layers to a distribution over the next sample."""

    def __init__(self, config: WaveRNNConfig):
        super().__init__()
        self.config = config
        quarter = config.condition_dim // 4  # of the features: each layer gets its own quarter
        self.upsample = Upsampling(config)
        self.I = nn.Linear(config.n_mels + quarter + 1, config.rnn_dim)
        self.rnn1 = nn.GRU(config.rnn_dim, config.rnn_dim, batch_first=True)
        self.rnn2 = nn.GRU(config.rnn_dim + quarter, config.rnn_dim, batch_first=True)
        self.fc1 = nn.Linear(config.rnn_dim + quarter, config.hidden)
        self.fc2 = nn.Linear(config.hidden + quarter, config.hidden)
        self.fc3 = nn.Linear(config.hidden, 2**config.bits)

    def forward(self, samples: Tensor, mel: Tensor) -> Tensor:
        """Logits of each sample given those before it (teacher forcing).

        samples: (batch, frames * 200) of mu-law within [-1, 1]; mel: (batch, 80, frames + 2 * pad) within [-1, 1].
        Returns (batch, frames * 200, 512).
        """
        mel, features = self.upsample(mel)
        features = features.repeat_interleave(self.config.hop_length, dim=1)
        part1, part2, part3, part4 = features.chunk(4, dim=-1)
        x = self.I(torch.cat([samples[..., None], mel, part1], dim=-1))
        x = x + self.rnn1(x)[0]
        x = x + self.rnn2(torch.cat([x, part2], dim=-1))[0]
        x = F.relu(self.fc1(torch.cat([x, part3], dim=-1)))
        x = F.relu(self.fc2(torch.cat([x, part4], dim=-1)))
        return self.fc3(x)

    @torch.inference_mode()
    def speak(self, mels: Sequence[Tensor], seed: int) -> list[np.ndarray]:
        """Waveforms of speech mels, generated as one batch.

        mels: (80, frames) each, within [-4, 4].  Returns ((frames - 1) * 200,) float32 of each, at 16 kHz.
        Folds run in parallel, so the time depends on their number only when they fill the processor.
        """
        seams = [seams_of(mel) for mel in mels]
        folds = [fold for mel, cuts in zip(mels, seams, strict=True) for fold in self._folds(mel, cuts)]
        order = sorted(range(len(folds)), key=lambda index: -folds[index].shape[1])
        generator = torch.Generator().manual_seed(seed)
        spoken = dict(zip(order, self._sample([folds[index] for index in order], generator), strict=True))
        waveforms, first = [], 0
        for mel, cuts in zip(mels, seams, strict=True):
            pieces = [spoken[index] for index in range(first, first + len(cuts) + 1)]
            first += len(pieces)
            joined = self._joined(pieces, cuts, mel.shape[1])
            waveforms.append(de_emphasised(joined).astype(np.float32))
        return waveforms

    def _folds(self, mel: Tensor, seams: Sequence[int]) -> list[Tensor]:
        """Cut the mel at its seams, each fold with its context: (80, frames + 2 * pad) within [-1, 1].

        A fold begins WARM_UP_FRAMES and half of FADE_FRAMES before its seam, and ends half of FADE_FRAMES after one.
        """
        pad, half = self.config.pad, FADE_FRAMES // 2
        padded = F.pad(mel / MAX_MEL, (pad, pad))
        starts = [0, *(seam - half - WARM_UP_FRAMES for seam in seams)]
        ends = [*(seam + half for seam in seams), mel.shape[1]]
        return [padded[:, start : end + 2 * pad] for start, end in zip(starts, ends, strict=True)]

    def _sample(self, folds: Sequence[Tensor], generator: torch.Generator) -> list[np.ndarray]:
        """Generate folds, sorted longest first: (frames * 200,) samples of each, still pre-emphasised.

        Samples stay on the device until the end.
        """
        pad, hop_length = self.config.pad, self.config.hop_length
        n_frames = [fold.shape[1] - 2 * pad for fold in folds]
        device, n_classes = self.fc3.weight.device, 2**self.config.bits
        padded = nn.utils.rnn.pad_sequence([fold.T for fold in folds], batch_first=True).mT
        upsampled = [self.upsample(few) for few in padded.split(UPSAMPLED_AT_ONCE)]
        mels, features = (torch.cat(parts) for parts in zip(*upsampled, strict=True))
        # one draw a sample, made on the CPU, so that a seed means the same on every device
        draws = torch.rand(n_frames[0] * hop_length, len(folds), 1, generator=generator).to(device)
        samples = torch.zeros(len(folds), n_frames[0] * hop_length, device=device)
        gru1, gru2, fc1, fc2, fc3 = self._layers(fast_dtype(device))
        x = torch.zeros(len(folds), 1, device=device)
        hidden1 = torch.zeros(len(folds), self.config.rnn_dim, device=device)
        hidden2 = torch.zeros_like(hidden1)
        for frame in range(n_frames[0]):
            n = sum(frames > frame for frames in n_frames)  # folds that are not over
            x, hidden1, hidden2 = x[:n], hidden1[:n], hidden2[:n]
            part1, part2, part3, part4 = features[:n, frame].chunk(4, dim=-1)
            for step in range(frame * hop_length, (frame + 1) * hop_length):
                x = self.I(torch.cat([x, mels[:n, step], part1], dim=1))
                hidden1 = gru1(x, hidden1)
                x = x + hidden1
                hidden2 = gru2(torch.cat([x, part2], dim=1), hidden2)
                x = x + hidden2
                x = F.relu(fc1(torch.cat([x, part3], dim=1)))
                x = F.relu(fc2(torch.cat([x, part4], dim=1)))
                likely = fc3(x).softmax(dim=1).cumsum(dim=1)
                label = torch.searchsorted(likely, draws[step, :n]).clamp(max=n_classes - 1)
                x = 2 * label / (n_classes - 1) - 1.0
                samples[:n, step] = x[:, 0]
        expanded = expand_mu_law(samples, n_classes).double().cpu().numpy()
        return [row[: frames * hop_length] for row, frames in zip(expanded, n_frames, strict=True)]

    def _layers(self, dtype: torch.dtype) -> tuple:
        """The two GRUs as cells and the layers after them, with matrix products in the given dtype."""
        cells = []
        for rnn in (self.rnn1, self.rnn2):
            weight_x, weight_h, bias_x, bias_h = rnn.all_weights[0]
            cells.append(Cell(Product(weight_x, bias_x, dtype), Product(weight_h, bias_h, dtype)))
        layers = [Product(layer.weight, layer.bias, dtype) for layer in (self.fc1, self.fc2, self.fc3)]
        return *cells, *layers

    def _joined(self, pieces: Sequence[np.ndarray], seams: Sequence[int], n_frames: int) -> np.ndarray:
        """Join folds with equal-power cross-fades: ((n_frames - 1) * 200,)."""
        hop_length, half = self.config.hop_length, FADE_FRAMES // 2
        rise = np.sin(np.linspace(0, np.pi / 2, 2 * half * hop_length))
        joined = np.zeros(n_frames * hop_length)  # the last frame's are dropped: a mel has one frame more than hops
        joined[: len(pieces[0])] = pieces[0]
        for seam, piece in zip(seams, pieces[1:], strict=True):
            start = (seam - half) * hop_length
            heard = piece[WARM_UP_FRAMES * hop_length :].copy()
            heard[: len(rise)] *= rise
            joined[start : start + len(rise)] *= rise[::-1]
            joined[start : start + len(heard)] += heard
        return joined[: (n_frames - 1) * hop_length]


class Product:
    """A linear layer computed in the given dtype; input and output are float32."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype):
        self.weight, self.bias = weight.to(dtype), bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias).float()


class Cell:
    """One step of a GRU."""

    def __init__(self, from_input: Product, from_hidden: Product):
        self.from_input, self.from_hidden = from_input, from_hidden

    def __call__(self, x: Tensor, hidden: Tensor) -> Tensor:
        reset_x, update_x, new_x = self.from_input(x).chunk(3, dim=1)
        reset_h, update_h, new_h = self.from_hidden(hidden).chunk(3, dim=1)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return torch.lerp(new, hidden, torch.sigmoid(update_x + update_h))


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor has instructions for it (three times as fast), else float32."""
    return torch.bfloat16 if device.type == CPU and has_bf16_products() else torch.float32


def de_emphasised(waveform: np.ndarray) -> np.ndarray:
    """Invert the pre-emphasis, (samples,) float64: y[n] = x[n] + PREEMPHASIS * y[n - 1]."""
    echo = PREEMPHASIS ** np.arange(1200)  # beyond this the response is below float64 precision
    return np.convolve(waveform, echo)[: len(waveform)] if len(waveform) else waveform


def seams_of(mel: Tensor) -> list[int]:
    """Frames at which a mel is cut into folds: about FOLD_FRAMES apart, each the quietest near.  mel: (80, frames)."""
    level = mel.mean(0).tolist()
    seams, place = [], FOLD_FRAMES
    while place + FOLD_FRAMES // 2 < len(level):
        seams.append(min(range(place - SEAM_FRAMES, place + SEAM_FRAMES), key=level.__getitem__))
        place = seams[-1] + FOLD_FRAMES
    return seams


def expand_mu_law(x: Tensor, n_classes: int) -> Tensor:
    """Mu-law samples within [-1, 1] as linear ones within [-1, 1]."""
    mu = n_classes - 1
    return x.sign() / mu * ((1 + mu) ** x.abs() - 1)
