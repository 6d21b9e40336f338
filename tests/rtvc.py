"""The networks of Real-Time-Voice-Cloning, small and untrained, as its own code left them, and what they answered."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.legacy.tacotron import Tacotron, TacotronConfig
from models.legacy.wavernn import WaveRNN, WaveRNNConfig
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


def checkpoint_file(path: Path, kind: str, **changes: Tensor | None) -> Path:
    """A file as published, with its optimizer's state; changes replace tensors, None leaves one out."""
    tensors = published(kind) | changes
    state = {name: value for name, value in tensors.items() if value is not None}
    torch.save({"model_state": state, "optimizer_state": {"state": {0: {"exp_avg": torch.ones(1000)}}}}, path)
    return path
