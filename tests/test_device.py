"""The device: proved by a kernel, refused with a reason, and left for the CPU by a request it has no room for."""

import numpy as np
import pytest
import torch

from models import VoiceCloner, cloning, device
from models.device import UnknownDevice, choose, in_precision
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from tests.speech import KATHLEEN
from tests.tiny_networks import tiny_classifier, tiny_synthesizer, tiny_verifier, tiny_vocoder

TEXT = "First we speak. Then we pause? And we go on!"
GPU = "cpu:0"  # to torch the same as "cpu"; to Tembr another device


@pytest.fixture
def cloner():
    torch.manual_seed(0)
    encoder = SpeakerEncoder(SpeakerEncoderConfig()).eval()
    return VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), GPU)


@pytest.fixture
def voice(cloner):
    return cloner.listen(KATHLEEN)


class Memory:
    """A GPU's memory: what is called on the GPU's own network runs out of it as often as it should."""

    def __init__(self, monkeypatch, network, method, faults):
        self.faults, self.n_calls, original = faults, 0, getattr(network, method)

        def called(*arguments, **named):
            self.n_calls += 1
            if self.faults:
                self.faults -= 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
            return original(*arguments, **named)

        monkeypatch.setattr(network, method, called)


def _said(cloner, voice, text=TEXT):
    return [sentence.waveform for sentence in cloner.say(cloner.read(text, "en"), voice)]


@pytest.mark.parametrize(("part", "method"), [("synthesizer", "speak"), ("vocoder", "forward")])
def test_request_that_a_gpu_has_no_room_for_is_said_on_the_cpu_and_the_next_one_on_the_gpu(
    cloner, voice, monkeypatch, part, method
):
    usual = _said(cloner, voice)
    memory = Memory(monkeypatch, getattr(cloner, part), method, faults=1)
    spilt = _said(cloner, voice)
    assert memory.n_calls == 1
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(usual, spilt, strict=True))
    again = _said(cloner, voice)
    assert memory.n_calls == 4
    assert all(np.array_equal(one, other) for one, other in zip(usual, again, strict=True))


def test_request_says_the_sentences_before_on_the_gpu_and_the_others_on_the_cpu(cloner, voice, monkeypatch):
    usual = _said(cloner, voice)
    saying = cloner.say(cloner.read(TEXT, "en"), voice)
    first = next(saying)
    memory = Memory(monkeypatch, cloner.synthesizer, "speak", faults=1)
    rest = [sentence.waveform for sentence in saying]
    assert memory.n_calls == 1
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(usual, [first.waveform, *rest], strict=True))


def test_batch_that_does_not_fit_is_halved_before_the_cpu_is_asked(cloner, voice, monkeypatch):
    sizes, original = [], cloner._waveforms

    def waveforms(vocoder, mels, generator):
        sizes.append(len(mels))
        if len(mels) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return original(vocoder, mels, generator)

    monkeypatch.setattr(cloner, "_waveforms", waveforms)
    monkeypatch.setattr(cloning, "groups", lambda sentences, _limit: iter([list(sentences)]))
    assert len(_said(cloner, voice)) == 3
    assert sizes == [3, 1, 2, 1, 1] and cloner._copy is None


def test_memory_that_runs_out_everywhere_is_an_error_and_the_next_request_is_said(cloner, voice, monkeypatch):
    usual = _said(cloner, voice)
    on_gpu = Memory(monkeypatch, cloner.synthesizer, "speak", faults=1)
    on_cpu = Memory(monkeypatch, cloner.on_cpu().synthesizer, "speak", faults=1)
    with pytest.raises(torch.OutOfMemoryError):
        _said(cloner, voice)
    assert (on_gpu.n_calls, on_cpu.n_calls) == (1, 1)
    assert all(np.array_equal(one, other) for one, other in zip(usual, _said(cloner, voice), strict=True))


def test_recording_is_heard_on_the_cpu_when_a_gpu_has_no_room(cloner, voice, monkeypatch):
    memory = Memory(monkeypatch, cloner.encoder, "forward", faults=0)
    monkeypatch.setattr(SpeakerEncoder, "forward", _spilling(SpeakerEncoder.forward, cloner.encoder))
    assert np.allclose(cloner.listen(KATHLEEN).embedding, voice.embedding, atol=1e-5)
    assert memory.n_calls == 0


def _spilling(forward, network):
    """A forward that has no room in that network alone."""

    def called(self, mels):
        if self is network:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, mels)

    return called


def test_other_faults_are_not_taken_for_a_lack_of_memory(cloner, voice, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("a shape does not fit")

    monkeypatch.setattr(cloner.synthesizer, "speak", broken)
    with pytest.raises(RuntimeError, match="shape"):
        _said(cloner, voice)


def test_cpu_is_taken_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (choose().name, choose().refusal) == ("cpu", None)
    assert (choose("cpu").name, choose("cpu").refusal) == ("cpu", None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_that_was_asked_for_and_is_not_there_is_refused_with_a_reason():
    chosen = choose("cuda:0")
    assert chosen.name == "cpu"
    assert str(chosen.refusal).startswith("The GPU cuda:0 cannot be used (")
    assert str(chosen.refusal).endswith("), so the CPU speaks, more slowly.")


@pytest.mark.parametrize(
    "fault", [RuntimeError("CUDA error: no kernel image is available\nmore"), AssertionError("no")]
)
def test_gpu_that_cannot_run_a_kernel_is_not_used(monkeypatch, fault):
    def fail(name):
        raise fault

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "prove", fail)
    chosen = choose()
    assert chosen.name == "cpu" and "\n" not in str(chosen.refusal)


def test_gpu_that_computes_is_used(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "prove", lambda name: None)
    assert (choose().name, choose().refusal) == ("cuda:0", None)
    assert choose("cuda:1").name == "cuda:1"
    assert choose("cuda:1").precision == torch.float32


def test_proof_runs_and_finds_wrong_results(monkeypatch):
    device.prove("cpu")
    monkeypatch.setattr(device.F, "conv1d", lambda *arguments: torch.zeros(1, 16, 62))
    with pytest.raises(RuntimeError, match="wrong results"):
        device.prove("cpu")


@pytest.mark.parametrize(("asked", "precision"), [("gpu", "auto"), ("cpu", "double")])
def test_unknown_settings_are_named(asked, precision):
    with pytest.raises(UnknownDevice, match=f"{precision if asked == 'cpu' else asked}"):
        choose(asked, precision)


def test_front_page_says_that_the_gpu_is_not_used(client, cloner_of_the_site):
    assert "cannot be used" not in client.get("/").text
    cloner_of_the_site.refusal = choose("cuda:99").refusal
    assert "The GPU cuda:99 cannot be used" in client.get("/").text


@pytest.fixture
def cloner_of_the_site(app):
    return app.extensions["cloner"]


def test_reduced_precision_changes_products_and_float32_nothing():
    wide, narrow = torch.nn.Linear(8, 8), torch.ones(1, 8)
    with torch.inference_mode():
        with in_precision(torch.float32, torch.device("cpu")):
            assert wide(narrow).dtype == torch.float32
        with in_precision(torch.bfloat16, torch.device("cpu")):
            assert wide(narrow).dtype == torch.bfloat16


def test_bfloat16_is_what_float32_says_but_for_what_nobody_hears():
    """The same durations; mels 0.1 dB apart on average, and the vocoder's waveform 45 dB above what changes.

    Of the same reference, which in bfloat16 is one of the same voice and the same phones.
    """
    exact, fast = (VoiceCloner.load(device="cpu", precision=one) for one in ("float32", "bfloat16"))
    voice = exact.listen(KATHLEEN)
    (sentence,) = exact.read("We are glad to see you here.", "en")
    reference, heard = exact.reference(voice), fast.reference(voice)
    assert float((reference.speaker * heard.speaker).sum()) > 0.999
    assert float((reference.content.exp() - heard.content.exp()).abs().mean()) < 1e-3
    fast._references[voice.key] = reference
    (mel, frames), (other, same) = (
        cloner.mel(sentence, voice, 1.0, 0.0, 1.0, torch.Generator().manual_seed(0)) for cloner in (exact, fast)
    )
    assert torch.equal(frames, same)
    assert float((mel - other).abs().mean()) * 100 / 8 < 0.1  # dB
    waveform = exact.waveform(mel)
    change = fast.waveform(mel) - waveform
    assert 10 * np.log10(np.square(waveform).sum() / np.square(change).sum()) > 45
