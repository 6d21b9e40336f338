"""How fast Tembr speaks: seconds of each stage and real-time factor (RTF), for texts from one word to a paragraph.

    .venv/bin/python -m benchmarks.speed [--threads 2] [--takes 5] [--voice RECORDING]

Each text is spoken once to warm up, then --takes times; the table gives medians.  The networks are loaded before.
The trial is that of a voice that has spoken before, as most have: a new one costs 0.15 s once in each language.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from models import UnreadableWeights, VoiceCloner, VoiceProfile
from models.cloning import WEIGHTS

STAGES = ("text", "trial", "synthesizer", "vocoder", "encode")
TEXTS = {
    "ru, one word": ("ru", "Да."),
    "ru, sentence": ("ru", "Сегодня утром мы долго гуляли по берегу реки и смотрели на воду."),
    "ru, paragraph": (
        "ru",
        "В 1961 году человек впервые полетел в космос. Полёт длился 108 минут, и за это время корабль успел один раз "
        "обойти вокруг Земли. Когда он вернулся, его встречал весь город: люди выходили на улицы, пели и смеялись.",
    ),
    "en, one word": ("en", "Yes."),
    "en, sentence": ("en", "This morning we took a long walk along the river and looked at the water."),
    "en, paragraph": (
        "en",
        "In 1961 a man flew into space for the first time. The flight lasted 108 minutes, and in that time the ship "
        "went once around the Earth. When he came back, the whole city met him: people went out to sing and laugh.",
    ),
}
RTF_LIMIT = 0.03  # on two CPU cores
ONE_WORD_LIMIT = 0.08  # s


def take(cloner: VoiceCloner, profile: VoiceProfile, language: str, text: str) -> tuple[np.ndarray, float]:
    """One take: seconds of each of STAGES, and seconds of speech."""
    generator = torch.Generator().manual_seed(0)
    marks = [time.perf_counter()]
    sentences = cloner.read(text, language)
    marks.append(time.perf_counter())
    adapter = cloner.chosen(profile, None)  # as say does it
    languages = {sentence.language for sentence in sentences}
    corrections = {name: cloner.correction(profile, name, adapter) for name in languages}
    marks.append(time.perf_counter())
    mels = [cloner.mel(one, profile, 1.0, corrections[one.language], 1.0, generator, adapter)[0] for one in sentences]
    if cloner.device != "cpu":
        torch.cuda.synchronize()
    marks.append(time.perf_counter())
    waveform = np.concatenate([cloner.waveform(mel) for mel in mels])
    marks.append(time.perf_counter())
    cloner.encode(waveform, "mp3")
    marks.append(time.perf_counter())
    return np.diff(marks), len(waveform) / cloner.sample_rate


def measure(cloner: VoiceCloner, profile: VoiceProfile, n_takes: int, language: str, text: str):
    """Medians of takes: seconds of each stage (5,), and seconds of speech."""
    take(cloner, profile, language, text)
    takes = [take(cloner, profile, language, text) for _ in range(n_takes)]
    return np.median([stages for stages, _ in takes], axis=0), median(seconds for _, seconds in takes)


def some_profile(cloner: VoiceCloner, voice: Path | None) -> VoiceProfile:
    """The voice of a recording, else a ready voice, else one that nobody has."""
    if voice:
        return cloner.listen(voice)
    for path in sorted((WEIGHTS / "voices").glob("*.safetensors")):
        return VoiceProfile.from_bytes(path.read_bytes())
    return VoiceProfile(np.full(256, 1 / 16), np.array([5.0, 0.2]), np.full(80, -1.0), 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of each stage, and the real-time factor.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--voice", type=Path, help="a recording")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="the GPU when there is one")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    started = time.perf_counter()
    try:
        cloner = VoiceCloner.load(device=asked.device, precision=asked.precision)
    except UnreadableWeights as error:
        parser.exit(1, f"{error}\n")
    profile = some_profile(cloner, asked.voice)
    seconds, precision = time.perf_counter() - started, str(cloner.synthesizer.precision).removeprefix("torch.")
    print(f"loaded in {seconds:.1f} s on {cloner.device}, {asked.threads} threads, {precision}")
    report({name: measure(cloner, profile, asked.takes, *text) for name, text in TEXTS.items()})


def report(measured: dict[str, tuple[np.ndarray, float]]) -> None:
    print(f"{'':14}{'speech':>9}" + "".join(f"{stage:>13}" for stage in STAGES) + f"{'all':>9}{'RTF':>7}")
    for name, (stages, seconds) in measured.items():
        cells = "".join(f"{value:11.3f} s" for value in stages)
        print(f"{name:14}{seconds:7.2f} s{cells}{stages.sum():7.3f} s{stages.sum() / seconds:7.3f}")
    work = sum(stages.sum() for stages, _ in measured.values())
    rtf = work / sum(seconds for _, seconds in measured.values())
    word = max(stages.sum() for name, (stages, _) in measured.items() if "one word" in name)
    print(f"RTF {rtf:.4f} (at most {RTF_LIMIT} on two cores); one word {word:.3f} s (under {ONE_WORD_LIMIT:g} s)")


if __name__ == "__main__":
    main()
