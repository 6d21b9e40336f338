"""Characters to mel, a few frames at a time: Tacotron (arXiv:1703.10135) with location-sensitive attention
(arXiv:1506.07503), conditioned on a speaker embedding (SV2TTS, arXiv:1806.04558).

Modules are named as the tensors of the published synthesizer.pt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import SPEECH_MEL

MIN_STOP_FRAME = 10  # frames; a stop is ignored up to here
STOP_PROBABILITY = 0.5


@dataclass(frozen=True)
class TacotronConfig:
    """Sizes as published.  reduction: frames a decoder step; silence: level of a mel below which it is silent."""

    n_symbols: int = 66
    symbol_dim: int = 512
    encoder_dim: int = 256
    encoder_kernels: int = 5
    decoder_dim: int = 128
    lstm_dim: int = 1024
    postnet_dim: int = 512
    postnet_kernels: int = 5
    highways: int = 4
    attention_filters: int = 32
    attention_kernel: int = 31
    n_mels: int = SPEECH_MEL.n_mels
    embedding: int = 256
    max_reduction: int = 20
    reduction: int = 2
    silence: float = -3.4
    dropout: float = 0.5  # of both pre-nets, in evaluation mode too: attention fails without it


class Spoken(NamedTuple):
    """The output for one text.  mel: (80, frames); attention: (steps, characters); has_stopped: before max_frames."""

    mel: Tensor
    attention: Tensor
    has_stopped: bool


class PreNet(nn.Module):
    """Two layers with dropout that stays on in evaluation mode."""

    def __init__(self, n_inputs: int, dim: int):
        super().__init__()
        self.fc1 = nn.Linear(n_inputs, dim)
        self.fc2 = nn.Linear(dim, dim)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """x: (..., n_inputs); kept: (2, ..., dim), what dropout leaves of each layer."""
        x = F.relu(self.fc1(x)) * kept[0]
        return F.relu(self.fc2(x)) * kept[1]


class ConvNorm(nn.Module):
    """A convolution that keeps the number of steps, and batch normalisation."""

    def __init__(self, n_inputs: int, n_outputs: int, kernel: int):
        super().__init__()
        self.conv = nn.Conv1d(n_inputs, n_outputs, kernel, padding=kernel // 2, bias=False)
        self.bnorm = nn.BatchNorm1d(n_outputs)

    def forward(self, x: Tensor, is_rectified: bool = True) -> Tensor:
        """x: (batch, n_inputs, steps)."""
        convolved = self.conv(x)[..., : x.shape[-1]]  # an even kernel gives one step more
        return self.bnorm(F.relu(convolved) if is_rectified else convolved)


class Highway(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.W1 = nn.Linear(dim, dim)
        self.W2 = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return torch.lerp(x, F.relu(self.W1(x)), torch.sigmoid(self.W2(x)))


class CBHG(nn.Module):
    """Convolution bank, highways and a bidirectional GRU."""

    def __init__(self, n_inputs: int, dim: int, kernels: int, highways: int):
        super().__init__()
        self.conv1d_bank = nn.ModuleList(ConvNorm(n_inputs, dim, kernel) for kernel in range(1, kernels + 1))
        self.conv_project1 = ConvNorm(kernels * dim, dim, 3)
        self.conv_project2 = ConvNorm(dim, n_inputs, 3)
        self.pre_highway = nn.Linear(n_inputs, dim, bias=False) if n_inputs != dim else nn.Identity()
        self.highways = nn.ModuleList(Highway(dim) for _ in range(highways))
        self.rnn = nn.GRU(dim, dim // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        """x: (batch, n_inputs, steps).  Returns (batch, steps, dim)."""
        bank = torch.cat([conv(x) for conv in self.conv1d_bank], dim=1)
        pooled = F.max_pool1d(bank, 2, stride=1, padding=1)[..., : x.shape[-1]]
        x = x + self.conv_project2(self.conv_project1(pooled), is_rectified=False)
        x = self.pre_highway(x.transpose(1, 2))
        for highway in self.highways:
            x = highway(x)
        return self.rnn(x)[0]


class Encoder(nn.Module):
    """Characters to the keys of the attention."""

    def __init__(self, config: TacotronConfig):
        super().__init__()
        self.embedding = nn.Embedding(config.n_symbols, config.symbol_dim)
        self.pre_net = PreNet(config.symbol_dim, config.encoder_dim)
        self.cbhg = CBHG(config.encoder_dim, config.encoder_dim, config.encoder_kernels, config.highways)

    def forward(self, symbols: Tensor, kept: Tensor) -> Tensor:
        """symbols: (batch, characters); kept: (2, characters, dim).  Returns (batch, characters, dim)."""
        return self.cbhg(self.pre_net(self.embedding(symbols), kept).transpose(1, 2))


class LocationAttention(nn.Module):
    """Location-sensitive attention: it takes the cumulative weights of earlier steps as input."""

    def __init__(self, config: TacotronConfig):
        super().__init__()
        kernel = config.attention_kernel
        self.conv = nn.Conv1d(1, config.attention_filters, kernel, padding=(kernel - 1) // 2)
        self.L = nn.Linear(config.attention_filters, config.decoder_dim, bias=False)
        self.W = nn.Linear(config.decoder_dim, config.decoder_dim)
        self.v = nn.Linear(config.decoder_dim, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor, cumulative: Tensor, mask: Tensor) -> Tensor:
        """query: (batch, dim); keys: (batch, characters, dim); cumulative, mask: (batch, characters).

        Returns weights, (batch, characters), none of them on padding.
        """
        location = self.L(self.conv(cumulative[:, None]).transpose(1, 2))
        scores = self.v(torch.tanh(self.W(query)[:, None] + keys + location))[..., 0]
        return scores.masked_fill(~mask, -torch.inf).softmax(dim=1)


class DecoderState(NamedTuple):
    """State that one decoder step passes to the next, one row for each text."""

    frame: Tensor  # (batch, 80), the last one made
    context: Tensor  # (batch, encoder_dim + embedding), what was attended to
    cumulative: Tensor  # (batch, characters), attention so far
    attention_hidden: Tensor  # (batch, decoder_dim)
    hidden1: Tensor  # (batch, lstm_dim), as the following
    cell1: Tensor
    hidden2: Tensor
    cell2: Tensor


class Memory(NamedTuple):
    """Encoded texts: (batch, characters, ...), padded; mask: (batch, characters), False on padding."""

    values: Tensor
    keys: Tensor
    mask: Tensor


class Decoder(nn.Module):
    def __init__(self, config: TacotronConfig):
        super().__init__()
        self.config = config
        memory_dim = config.encoder_dim + config.embedding
        self.prenet = PreNet(config.n_mels, 2 * config.decoder_dim)
        self.attn_net = LocationAttention(config)
        self.attn_rnn = nn.GRUCell(memory_dim + 2 * config.decoder_dim, config.decoder_dim)
        self.rnn_input = nn.Linear(memory_dim + config.decoder_dim, config.lstm_dim)
        self.res_rnn1 = nn.LSTMCell(config.lstm_dim, config.lstm_dim)
        self.res_rnn2 = nn.LSTMCell(config.lstm_dim, config.lstm_dim)
        self.mel_proj = nn.Linear(config.lstm_dim, config.n_mels * config.max_reduction, bias=False)
        self.stop_proj = nn.Linear(memory_dim + config.lstm_dim, 1)

    def start(self, memory: Memory) -> DecoderState:
        """The state before the first frame: zeros."""
        n_rows, n_characters, memory_dim = memory.values.shape
        dims = (self.config.n_mels, memory_dim, n_characters, self.config.decoder_dim, *4 * (self.config.lstm_dim,))
        return DecoderState(*(memory.values.new_zeros(n_rows, dim) for dim in dims))

    def forward(self, state: DecoderState, memory: Memory, kept: Tensor) -> tuple[DecoderState, Tensor, Tensor, Tensor]:
        """One step.  kept: (2, batch, dim), what dropout leaves.

        Returns the state, frames (batch, 80, reduction), attention (batch, characters), stop probability (batch,).
        """
        # where to look
        query = self.attn_rnn(
            torch.cat([state.context, self.prenet(state.frame, kept)], dim=1),
            state.attention_hidden,
        )
        attention = self.attn_net(query, memory.keys, state.cumulative, memory.mask)
        context = (attention[:, None] @ memory.values)[:, 0]
        # what to say of it
        x = self.rnn_input(torch.cat([context, query], dim=1))
        hidden1, cell1 = self.res_rnn1(x, (state.hidden1, state.cell1))
        x = x + hidden1
        hidden2, cell2 = self.res_rnn2(x, (state.hidden2, state.cell2))
        x = x + hidden2
        frames = self.mel_proj(x).view(len(x), self.config.n_mels, -1)[..., : self.config.reduction]
        # whether it is over
        stop = torch.sigmoid(self.stop_proj(torch.cat([x, context], dim=1)))[:, 0]
        cumulative = state.cumulative + attention
        next_state = DecoderState(frames[..., -1], context, cumulative, query, hidden1, cell1, hidden2, cell2)
        return next_state, frames, attention, stop


class Tacotron(nn.Module):
    """Encoder, decoder and post-net."""

    def __init__(self, config: TacotronConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.encoder_proj = nn.Linear(config.encoder_dim + config.embedding, config.decoder_dim, bias=False)
        self.decoder = Decoder(config)
        self.postnet = CBHG(config.n_mels, config.postnet_dim, config.postnet_kernels, config.highways)
        self.post_proj = nn.Linear(config.postnet_dim, config.n_mels, bias=False)

    @torch.inference_mode()
    def forward(
        self, texts: Sequence[Tensor], embedding: Tensor, seeds: Sequence[int], max_frames: Sequence[int]
    ) -> list[Spoken]:
        """Synthesize a batch of texts in evaluation mode; the result for each is the same as without the others.

        texts: symbols of each, (characters,); embedding: (256,), unit norm; seeds: of each text's dropout;
        max_frames: at which a text that does not stop by itself is stopped.
        """
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        memory = self._memory(texts, embedding, generators)
        return [
            Spoken(self.post_proj(self.postnet(frames[None]))[0].T, attention[:, : len(text)], has_stopped)
            for text, (frames, attention, has_stopped) in zip(
                texts, self._decode(memory, generators, max_frames), strict=True
            )
        ]

    def _memory(self, texts: Sequence[Tensor], embedding: Tensor, generators: Sequence[torch.Generator]) -> Memory:
        """Encode texts one by one, so that padding cannot reach the encoder's recurrent state."""
        encoded = [
            self.encoder(text[None], self._kept(generator, len(text), self.config.encoder_dim))[0]
            for text, generator in zip(texts, generators, strict=True)
        ]
        values = nn.utils.rnn.pad_sequence(encoded, batch_first=True)
        values = torch.cat([values, embedding.expand(*values.shape[:2], -1)], dim=-1)
        lengths = torch.tensor([len(text) for text in texts])
        mask = torch.arange(values.shape[1]) < lengths[:, None]
        return Memory(values, self.encoder_proj(values), mask.to(values.device))

    def _decode(
        self, memory: Memory, generators: Sequence[torch.Generator], max_frames: Sequence[int]
    ) -> list[tuple[Tensor, Tensor, bool]]:
        """Frames (80, frames) before the post-net, attention (steps, characters) and whether it stopped, row by row.

        A row leaves the batch when it stops.
        """
        rows = list(range(len(generators)))  # of the texts that have not stopped
        frames, attentions, has_stopped = [[] for _ in rows], [[] for _ in rows], [False for _ in rows]
        state, n_frames, reduction = self.decoder.start(memory), 0, self.config.reduction
        while rows:
            kept = [self._kept(generators[row], 1, 2 * self.config.decoder_dim) for row in rows]
            state, made, attention, stop = self.decoder(state, memory, torch.cat(kept, dim=1))
            wants_to_stop = stop.tolist()
            for index, row in enumerate(rows):
                frames[row].append(made[index])
                attentions[row].append(attention[index])
                has_stopped[row] = n_frames > MIN_STOP_FRAME and wants_to_stop[index] > STOP_PROBABILITY
            n_frames += reduction
            staying = [i for i, row in enumerate(rows) if not has_stopped[row] and n_frames < max_frames[row]]
            if len(staying) < len(rows):
                rows = [rows[index] for index in staying]
                state = DecoderState(*(part[staying] for part in state))
                memory = Memory(*(part[staying] for part in memory))
        return [
            (torch.cat(frames[row], dim=1), torch.stack(attentions[row]), has_stopped[row])
            for row in range(len(generators))
        ]

    def _kept(self, generator: torch.Generator, n_steps: int, dim: int) -> Tensor:
        """What dropout leaves of the two layers of a pre-net: 0 or 1 / (1 - dropout), (2, n_steps, dim)."""
        is_kept = torch.rand(2, n_steps, dim, generator=generator) >= self.config.dropout
        return (is_kept / (1 - self.config.dropout)).to(self.post_proj.weight.device)
