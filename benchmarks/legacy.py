"""How fast the published networks of Real-Time-Voice-Cloning run beside Tembr's own: RTF of each stage, same text.

    .venv/bin/python -m benchmarks.legacy [--threads 2] [--takes 3] [--device cpu]
    .venv/bin/python -m benchmarks.legacy --write FOLDER

With one thread on the CPU the processor's own time is measured, so that other work on the machine does not count.
Speed asks for no training, so the published networks have random weights of the published sizes, made on the fly, and
say as many frames as Tembr's synthesizer does.  --write leaves them as files of the published form and size, with an
optimizer's state, to try `./tembr models import` with.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import nn

from benchmarks.speed import TEXTS, some_profile
from models import UnreadableWeights, VoiceCloner
from models.audio import SPEECH_MEL
from models.legacy.symbols import characters, symbol_ids
from models.legacy.tacotron import Tacotron, TacotronConfig
from models.legacy.wavernn import WaveRNN, WaveRNNConfig
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig

TEXT = TEXTS["en, paragraph"][1]
NEVER_STOP = -100.0  # logit


def seconds_of(work: Callable[[], object], n_takes: int, device: str) -> float:
    """Median seconds of a few takes, after one to warm up."""
    clock = time.process_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    takes = []
    for _ in range(1 + n_takes):
        started = clock()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        takes.append(clock() - started)
    return median(takes[1:])


def measure(cloner: VoiceCloner, n_takes: int, voice: Path | None) -> tuple[dict[str, float], float]:
    """Seconds of each stage, and seconds of speech."""
    device, profile = cloner.device, some_profile(cloner, voice)
    sentences = cloner.read(TEXT, "en")
    generator = torch.Generator()
    mels = [cloner.mel(sentence, profile, 1.0, 0.0, 1.0, generator)[0] for sentence in sentences]
    tacotron, wavernn = published_synthesizer().to(device), WaveRNN(WaveRNNConfig()).eval().to(device)
    texts = [torch.tensor(symbol_ids(characters(one.words, one.phones[-1])), device=device) for one in sentences]
    embedding = torch.from_numpy(profile.embedding).float().to(device)
    frames = [mel.shape[1] for mel in mels]

    def said_alone() -> None:
        for text, n_frames in zip(texts, frames, strict=True):
            tacotron([text], embedding, [0], [n_frames])

    stages = {
        "synthesizer: Tembr": lambda: [cloner.mel(one, profile, 1.0, 0.0, 1.0, generator) for one in sentences],
        "synthesizer: RTVC, one by one": said_alone,
        "synthesizer: RTVC, side by side": lambda: tacotron(texts, embedding, [0] * len(texts), frames),
        "vocoder: Tembr": lambda: [cloner.waveform(mel) for mel in mels],
        "vocoder: RTVC, one by one": lambda: [wavernn.speak([mel], 0) for mel in mels],
        "vocoder: RTVC, side by side": lambda: wavernn.speak(mels, 0),
    }
    measured = {name: seconds_of(work, n_takes, device) for name, work in stages.items()}
    return measured, sum(frames) / SPEECH_MEL.frames_per_second


def published_synthesizer() -> Tacotron:
    """Random weights of the published sizes, which never end a sentence by themselves."""
    network = Tacotron(TacotronConfig()).eval()
    nn.init.constant_(network.decoder.stop_proj.bias, NEVER_STOP)
    return network


def report(measured: dict[str, float], seconds: float) -> None:
    print(f"{seconds:.1f} s of speech\n{'':34}{'seconds':>9}{'RTF':>9}{'times Tembr':>13}")
    for name, taken in measured.items():
        ratio = taken / measured[f"{name.split(':')[0]}: Tembr"]
        print(f"{name:34}{taken:9.2f}{taken / seconds:9.3f}{ratio:13.1f}")


def write_files(folder: Path) -> None:
    """Files of the published form: model_state, and an optimizer's two moments of each weight."""
    folder.mkdir(parents=True, exist_ok=True)
    synthesizer = published_synthesizer()
    settings = {"step": torch.tensor([295000]), "stop_threshold": torch.tensor(synthesizer.config.silence)}
    settings["decoder.r"] = torch.tensor(synthesizer.config.reduction, dtype=torch.int32)
    similarity = {"similarity_weight": torch.tensor([10.0]), "similarity_bias": torch.tensor([-5.0])}
    networks = {
        "encoder": (SpeakerEncoder(SpeakerEncoderConfig()), similarity),
        "synthesizer": (synthesizer, settings),
        "vocoder": (WaveRNN(WaveRNNConfig()), {"step": torch.tensor([428000])}),
    }
    for kind, (network, others) in networks.items():
        moments = {
            index: {"step": 1, "exp_avg": torch.rand_like(part), "exp_avg_sq": torch.rand_like(part)}
            for index, part in enumerate(network.parameters())
        }
        content = {"model_state": network.state_dict() | others, "optimizer_state": {"state": moments}}
        torch.save(content, folder / f"{kind}.pt")
        print(f"{folder / kind}.pt: {(folder / f'{kind}.pt').stat().st_size / 1e6:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description="RTF of each stage of Tembr and of Real-Time-Voice-Cloning.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--voice", type=Path, help="a recording")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="the GPU when there is one")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write files of random weights and end")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    if asked.write:
        write_files(asked.write)
        return
    try:
        cloner = VoiceCloner.load(device=asked.device)
    except UnreadableWeights as error:
        parser.exit(1, f"{error}\n")
    print(f"on {cloner.device}, {asked.threads} threads")
    report(*measure(cloner, asked.takes, asked.voice))


if __name__ == "__main__":
    main()
