"""The networks of Real-Time-Voice-Cloning, small and untrained, as its own code left them, and what they answered."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import checkpoint
from models.cloning import WEIGHTS
from models.legacy.tacotron import Tacotron, TacotronConfig
from models.legacy.wavernn import WaveRNN, WaveRNNConfig
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from tests.speech import DATA

EXPECTED = dict(np.load(DATA / "rtvc_networks.npz", allow_pickle=False))
TINY_TACOTRON = TacotronConfig(symbol_dim=24, encoder_dim=16, decoder_dim=16, lstm_dim=32, postnet_dim=32, dropout=0.0)
TINY_WAVERNN = WaveRNNConfig(compute_dim=16, condition_dim=16, blocks=3, rnn_dim=32, hidden=32)
SETTINGS = ("step", "stop_threshold", "decoder.r")  # tensors that are no weights


def published(kind: str) -> dict[str, Tensor]:
    """The tensors of a tiny "synthesizer" or "vocoder" under their published names."""
    named = {name.removeprefix(f"{kind}/"): value for name, value in EXPECTED.items() if name.startswith(f"{kind}/")}
    return {name: torch.tensor(value) for name, value in named.items()}


def weights(kind: str) -> dict[str, Tensor]:
    return {name: value for name, value in published(kind).items() if name not in SETTINGS}


def tiny_tacotron() -> Tacotron:
    network = Tacotron(TINY_TACOTRON).eval()
    network.load_state_dict(weights("synthesizer"))
    return network


def tiny_wavernn() -> WaveRNN:
    network = WaveRNN(TINY_WAVERNN).eval()
    network.load_state_dict(weights("vocoder"))
    return network


def published_encoder() -> dict[str, Tensor]:
    """The tensors of the encoder that ships, under their published names."""
    shipped = checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    return shipped.state_dict() | {"similarity_weight": torch.tensor([10.0]), "similarity_bias": torch.tensor([-5.0])}


def checkpoint_file(path: Path, kind: str, changes: dict[str, Tensor | None] | None = None, **options) -> Path:
    """A file as published, with its optimizer's state.

    changes: replace tensors, None leaves one out.  options: of torch.save.
    """
    tensors = (published_encoder() if kind == "encoder" else published(kind)) | (changes or {})
    state = {name: value for name, value in tensors.items() if value is not None}
    step = {"step": 1564501} if kind == "encoder" else {}
    optimizer = {"optimizer_state": {"state": {0: {"exp_avg": torch.ones(1000)}}}}
    torch.save({"model_state": state, **step, **optimizer}, path, **options)
    return path
