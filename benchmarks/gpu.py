"""How fast a GPU speaks in each precision, in which of them the audio is equal, and what memory it takes.

    .venv/bin/python -m benchmarks.gpu [--device cuda:0] [--takes 5]

Runs on a CPU, too (--device cpu --threads 1).  The paragraphs of benchmarks.speed are spoken; after one take to warm up
the table has the medians.  "mel": the mean difference from float32, in dB; "waveform": how far below the vocoder's
waveform its change stays, in dB, both of the same mel.  A precision is equal where no length of a phone changes, the
mel by at most 0.1 dB and the waveform at least 40 dB below itself.
"""

import argparse
import time
from statistics import median

import numpy as np
import torch

from benchmarks.speed import TEXTS, some_profile
from models import UnreadableWeights, VoiceCloner
from models.audio import MAX_MEL
from models.device import PRECISIONS

MEL_DB = 100 / (2 * MAX_MEL)  # of 1 in a mel
MAX_MEL_DB, MIN_WAVEFORM_DB = 0.1, 40.0
WISH = 500.0  # times real time, on one H100


class Speaker:
    """Says the paragraphs in one precision."""

    def __init__(self, device: str, precision: str):
        self.cloner = VoiceCloner.load(device=device, precision=precision)
        self.profile = some_profile(self.cloner, None)
        self.sentences = [one for name, text in TEXTS.items() if "paragraph" in name for one in self._read(*text)]

    def _read(self, language: str, text: str) -> list:
        return self.cloner.read(text, language)

    def mels(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The mel of each sentence, and the frames of its phones."""
        return [
            self.cloner.mel(one, self.profile, 1.0, 0.0, 1.0, torch.Generator().manual_seed(0))
            for one in self.sentences
        ]

    def waveforms(self, mels: list[torch.Tensor]) -> list[np.ndarray]:
        return [self.cloner.waveform(mel) for mel in mels]

    def seconds_of_work(self, n_takes: int) -> float:
        """Median seconds of synthesizer and vocoder; processor seconds where one thread of the CPU works alone."""
        is_cpu = self.cloner.device == "cpu"
        clock = time.process_time if is_cpu and torch.get_num_threads() == 1 else time.perf_counter
        taken = []
        for _ in range(1 + n_takes):
            started = clock()
            self.waveforms([mel for mel, _ in self.mels()])
            if not is_cpu:
                torch.cuda.synchronize()
            taken.append(clock() - started)
        return median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed, equality and memory of each precision on a device.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    try:
        exact = Speaker(asked.device, "float32")
    except UnreadableWeights as error:
        parser.exit(1, f"{error}\n")
    if exact.cloner.refusal:
        print(exact.cloner.refusal)
    device = exact.cloner.device
    is_gpu = device != "cpu"
    print(f"on {torch.cuda.get_device_name(device) if is_gpu else 'the CPU'}, {asked.threads} threads")
    print(f"{'':10}{'times real time':>17}{'RTF':>9}{'mel':>10}{'waveform':>11}{'equal':>8}{'memory':>10}")
    made = exact.mels()
    waveforms, seconds = exact.waveforms([mel for mel, _ in made]), sum(mel.shape[1] for mel, _ in made) / 80
    best = 0.0
    for precision in PRECISIONS if is_gpu else ("float32", "bfloat16"):
        if is_gpu:
            torch.cuda.reset_peak_memory_stats()
        speaker = Speaker(device, precision)
        work = speaker.seconds_of_work(asked.takes)
        mel_db, waveform_db, is_equal = compared(speaker, made, waveforms)
        memory = f"{torch.cuda.max_memory_allocated() / 1e6:.0f} MB" if is_gpu else "-"
        print(
            f"{precision:10}{seconds / work:17.1f}{work / seconds:9.4f}{mel_db:7.3f} dB{waveform_db:8.1f} dB"
            f"{'yes' if is_equal else 'no':>8}{memory:>10}"
        )
        best = max(best, seconds / work if is_equal else 0.0)
    print(f"{best:.0f} times real time with equal audio" + (f"; the wish on one H100 is {WISH:.0f}" if is_gpu else ""))


def compared(speaker: Speaker, made: list, waveforms: list[np.ndarray]) -> tuple[float, float, bool]:
    """Mean difference of mels in dB, least distance of the waveforms' change in dB, and whether that is equal."""
    others = speaker.mels()
    if not all(torch.equal(frames, same) for (_, frames), (_, same) in zip(made, others, strict=True)):
        return float("nan"), float("nan"), False
    mel_db = max(float((a - b).abs().mean()) for (a, _), (b, _) in zip(made, others, strict=True)) * MEL_DB
    again = speaker.waveforms([mel for mel, _ in made])
    changes = [np.square(a - b).sum() / np.square(a).sum() for a, b in zip(waveforms, again, strict=True)]
    waveform_db = -10 * np.log10(max(max(changes), 1e-12))
    return mel_db, waveform_db, mel_db <= MAX_MEL_DB and waveform_db >= MIN_WAVEFORM_DB


if __name__ == "__main__":
    main()
