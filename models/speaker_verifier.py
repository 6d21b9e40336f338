"""Whose voice it is: CAM++ (arXiv:2303.00332), a network for speaker verification, made to hear speech mels.

Its embedding tells the synthesizer whom to sound like, and in training whether it does.  It was trained on 200,000
people by others; models.training.speaker_verifier converts it, and teaches it to read mels of 12.5 ms.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.audio import MAX_MEL, MIN_DB, SPEECH_MEL

HOP_SECONDS = 0.01  # of the log filter banks that CAM++ was trained on
FIRST_SECONDS = 0.0125  # the middle of their first frame
LOG_POWER_PER_MEL = -MIN_DB / (2 * MAX_MEL) * math.log(10) / 10  # natural logarithm of power in one unit of a mel
MIN_FRAMES, MAX_FRAMES = 100, 800  # of a mel that is heard: shorter ones are heard over again
POOLED_FRAMES = 100  # of a segment that the context-aware mask is made from


@dataclass(frozen=True)
class SpeakerVerifierConfig:
    n_mels: int = SPEECH_MEL.n_mels
    n_banks: int = 80
    front_dim: int = 256
    channels: int = 32  # of the 2-D convolutions
    growth: int = 32  # channels that a layer adds
    bottleneck: int = 128
    layers: tuple[int, ...] = (12, 24, 16)  # of each dense block
    dilations: tuple[int, ...] = (1, 2, 2)
    embedding: int = 192


class FilterBanks(nn.Module):
    """Log filter banks as Kaldi computes them, estimated from a speech mel."""

    def __init__(self, n_mels: int, n_banks: int, dim: int):
        super().__init__()
        self.register_buffer("bands", torch.zeros(n_banks, n_mels))
        self.bias = nn.Parameter(torch.zeros(n_banks))
        self.net = nn.Sequential(
            nn.Conv1d(n_mels, dim, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(dim, dim, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(dim, n_banks, 3, padding=1),
        )

    def forward(self, mels: Tensor) -> Tensor:
        """mels: (batch, frames, n_mels), two frames at least.  Returns (batch, banks' frames, n_banks)."""
        per_second = SPEECH_MEL.frames_per_second
        count = max(1, int((mels.shape[1] / per_second - 2 * FIRST_SECONDS) / HOP_SECONDS))
        places = (FIRST_SECONDS + HOP_SECONDS * torch.arange(count, device=mels.device)) * per_second
        before = places.floor().long().clamp(max=mels.shape[1] - 2)
        part = (places - before)[:, None]
        mels = mels[:, before] * (1 - part) + mels[:, before + 1] * part
        banks = mels @ self.bands.T * LOG_POWER_PER_MEL + self.bias
        return banks + self.net(mels.transpose(1, 2)).transpose(1, 2)


class ResidualBlock(nn.Module):
    """Two 2-D convolutions over bands and frames; the first may halve the bands."""

    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            shorter = nn.Conv2d(channels, channels, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(shorter, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ConvolutionModule(nn.Module):
    """Local patterns of the spectrum, (batch, banks, frames) -> (batch, channels * banks / 8, frames)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(ResidualBlock(channels, 2), ResidualBlock(channels, 1))
        self.layer2 = nn.Sequential(ResidualBlock(channels, 2), ResidualBlock(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, banks: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(banks[:, None])))
        x = self.layer2(self.layer1(x))
        return F.relu(self.bn2(self.conv2(x))).flatten(1, 2)


class MaskedLayer(nn.Module):
    """A dilated convolution, gated by what the whole and the segment around are like (context-aware masking)."""

    def __init__(self, width: int, bottleneck: int, growth: int, dilation: int):
        super().__init__()
        self.norm1 = nn.BatchNorm1d(width)
        self.widen = nn.Conv1d(width, bottleneck, 1, bias=False)
        self.norm2 = nn.BatchNorm1d(bottleneck)
        self.local = nn.Conv1d(bottleneck, growth, 3, padding=dilation, dilation=dilation, bias=False)
        self.gate1 = nn.Conv1d(bottleneck, bottleneck // 2, 1)
        self.gate2 = nn.Conv1d(bottleneck // 2, growth, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (batch, frames, width).  Returns (batch, frames, growth)."""
        x = F.relu(of_frames(self.norm1, x))
        x = F.relu(of_frames(self.norm2, pointwise(self.widen, x)))
        segments = torch.cat([part.mean(1, keepdim=True) for part in x.split(POOLED_FRAMES, dim=1)], dim=1)
        gates = torch.sigmoid(pointwise(self.gate2, F.relu(pointwise(self.gate1, x.mean(1, keepdim=True) + segments))))
        of_each = gates.repeat_interleave(POOLED_FRAMES, dim=1)[:, : x.shape[1]] if gates.shape[1] > 1 else gates
        return self._convolved(x) * of_each

    def _convolved(self, x: Tensor) -> Tensor:
        """local of x as one product, which is faster for so few channels."""
        reach = self.local.dilation[0]
        padded = F.pad(x, (0, 0, reach, reach))
        around = torch.cat([padded[:, i * reach : i * reach + x.shape[1]] for i in range(3)], dim=2)
        return F.linear(around, self.local.weight.transpose(1, 2).flatten(1))


def of_frames(norm: nn.Module, x: Tensor) -> Tensor:
    """A norm of the channels of x, (batch, frames, channels)."""
    return norm(x.flatten(0, 1)).view(x.shape)


def pointwise(convolution: nn.Conv1d, x: Tensor) -> Tensor:
    """A convolution of one frame.  x: (batch, frames, channels)."""
    return F.linear(x, convolution.weight[..., 0], convolution.bias)


class SpeakerVerifier(nn.Module):
    """Filter banks, 2-D convolutions, densely connected time-delay layers, statistics over time, an embedding."""

    def __init__(self, config: SpeakerVerifierConfig):
        super().__init__()
        self.config = config
        self.banks = FilterBanks(config.n_mels, config.n_banks, config.front_dim)
        self.head = ConvolutionModule(config.channels)
        width = config.bottleneck
        self.first = nn.Conv1d(config.channels * config.n_banks // 8, width, 5, 2, 2, bias=False)
        self.first_norm = nn.BatchNorm1d(width)
        self.blocks, self.norms, self.narrow = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for count, dilation in zip(config.layers, config.dilations, strict=True):
            self.blocks.append(
                nn.ModuleList(
                    MaskedLayer(width + i * config.growth, config.bottleneck, config.growth, dilation)
                    for i in range(count)
                )
            )
            width += count * config.growth
            self.norms.append(nn.BatchNorm1d(width))
            self.narrow.append(nn.Conv1d(width, width // 2, 1, bias=False))
            width //= 2
        self.last_norm = nn.BatchNorm1d(width)
        self.project = nn.Linear(2 * width, config.embedding, bias=False)
        self.embedding_norm = nn.BatchNorm1d(config.embedding, affine=False)

    def heard(self, mels: Tensor) -> Tensor:
        """Embeddings of mels of any length, (batch, embedding); of those that are long, of their first seconds.

        mels: (batch, frames, n_mels), none padded.
        """
        lengths = torch.full((len(mels),), mels.shape[1], device=mels.device)
        return self(pieces(mels, lengths, min(max(mels.shape[1], MIN_FRAMES), MAX_FRAMES)))[0]

    def forward(self, mels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embeddings, (batch, embedding) of unit norm, and the features of each block, (batch, frames, channels).

        mels: (batch, frames, n_mels), a quarter of a second at least, none padded.
        """
        return self.embed(self.banks(mels.float()))

    def embed(self, banks: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The same of log filter banks, (batch, frames, n_banks), 10 ms a frame."""
        banks = banks - banks.mean(1, keepdim=True)
        x = F.relu(self.first_norm(self.first(self.head(banks.transpose(1, 2))))).transpose(1, 2).contiguous()
        features = []
        for layers, norm, narrow in zip(self.blocks, self.norms, self.narrow, strict=True):
            for layer in layers:
                x = torch.cat([x, layer(x)], dim=2)
            x = pointwise(narrow, F.relu(of_frames(norm, x)))
            features.append(x)
        x = F.relu(of_frames(self.last_norm, x)).float()
        embedding = self.embedding_norm(self.project(torch.cat([x.mean(1), x.std(1)], dim=1)))
        return F.normalize(embedding.float(), dim=1), features

    def folded(self) -> "SpeakerVerifier":
        """Return itself, from now on in evaluation mode, with each batch norm that follows a convolution in that.

        It embeds as before, in two thirds of the time, but cannot be trained or saved any more.
        """
        self.eval()
        for module in list(self.modules()):
            for convolution, norm in FOLDED.get(type(module), ()):
                if isinstance(getattr(module, norm, None), nn.BatchNorm1d | nn.BatchNorm2d):
                    setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm)))
                    setattr(module, norm, nn.Identity())
        self.head.to(memory_format=torch.channels_last)
        return self


# Convolutions, and the norms behind them.
FOLDED = {
    ConvolutionModule: (("conv1", "bn1"), ("conv2", "bn2")),
    ResidualBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    nn.Sequential: (("0", "1"),),
    MaskedLayer: (("widen", "norm2"),),
    SpeakerVerifier: (("first", "first_norm"),),
}


def pieces(mels: Tensor, lengths: Tensor, frames: int, starts: Tensor | None = None) -> Tensor:
    """So many frames of each mel of a padded batch, over again where it is shorter.

    mels: (batch, longest, n_mels); lengths, starts: (batch,).  Returns (batch, frames, n_mels).
    """
    first = torch.zeros_like(lengths) if starts is None else starts
    places = (first[:, None] + torch.arange(frames, device=mels.device)) % lengths.clamp(min=1)[:, None]
    return mels.gather(1, places[..., None].expand(-1, -1, mels.shape[2]))
