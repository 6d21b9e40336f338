"""The faults that the published synthesizer is known for are found and mended."""

from types import SimpleNamespace

import pytest
import torch

from models.legacy import alignment, speech
from models.legacy.alignment import n_faults, n_frames_said, paused
from models.legacy.library import ModelLibrary
from models.legacy.speech import ImportedNetworks, is_readable, mels_of
from models.legacy.symbols import END, SYMBOLS, characters, symbol_ids
from models.legacy.tacotron import Spoken
from models.text import read
from tests.rtvc import checkpoint_file, tiny_tacotron

WRITTEN = "we took a long walk, through the old park."
STEPS = 3  # of a letter


def attended(path: list[int], n_characters: int = len(WRITTEN) + 1) -> torch.Tensor:
    """Attention that goes this way, (steps, characters), some of it on the neighbours."""
    attention = torch.full((len(path), n_characters), 0.1 / n_characters)
    attention[range(len(path)), path] = 0.9
    return attention


def way(*stretches: range) -> list[int]:
    return [place for stretch in stretches for place in stretch for _ in range(STEPS)]


GOOD = way(range(len(WRITTEN) + 1))


@pytest.mark.parametrize(
    ("path", "has_stopped", "faults"),
    [
        (GOOD, True, 0),
        (GOOD[:-STEPS], True, 0),
        (way(range(0, 12), range(15, 43)), True, 0),  # three letters at once: fast speech
        (GOOD, False, 2),
        (way(range(0, 10), range(25, 43)), True, 1),  # words left out
        (way(range(0, 20)), True, 1),  # the end left out
        (way(range(12, 43)), True, 1),  # the beginning left out
        (way(range(0, 25), range(3, 43)), True, 1),  # repeated
        (way(range(0, 25), range(3, 25), range(3, 43)), True, 2),  # and again
        (way(range(0, 15)) + [15] * 60 + way(range(16, 43)), True, 1),  # stuck on a letter
        (way(range(0, 19)) + [19] * 60 + way(range(20, 43)), True, 0),  # a pause at the comma
        (GOOD + [42] * 60, True, 0),
    ],
)
def test_attention_that_lost_its_way_is_found(path, has_stopped, faults):
    assert n_faults(attended(path), WRITTEN, has_stopped, reduction=2) == faults


def test_what_a_runaway_adds_is_no_part_of_the_sentence():
    babbling = attended(GOOD + way(range(0, 43)))
    assert n_frames_said(babbling, WRITTEN, False, 2) == 2 * STEPS * WRITTEN.index(".")
    assert n_frames_said(babbling, WRITTEN, True, 2) == 2 * len(babbling)
    assert n_frames_said(attended(way(range(0, 20))), WRITTEN, False, 2) == 2 * 20 * STEPS
    lost = attended([len(WRITTEN)] * 100)  # at the end from the first step on
    assert n_frames_said(lost, WRITTEN, False, 2) == 3 * len(WRITTEN)
    assert n_frames_said(lost[:10], WRITTEN, False, 2) == 20


def mel_with_silence(place: int, n_silent: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A sentence with silence while a character is attended to, as (mel, attention)."""
    path = [step for step in GOOD if step < place] + [place] * (n_silent // 2) + [step for step in GOOD if step > place]
    mel = torch.ones(80, 2 * len(path))
    start = 2 * path.index(place)
    mel[:, start : start + n_silent] = -4.0
    return mel, attended(path)


def silent_frames(mel: torch.Tensor) -> int:
    return int((mel.max(0).values < 0).sum())


@pytest.mark.parametrize(
    ("character", "n_silent", "pauses", "left"),
    [
        (",", 60, 1.0, 20),  # 0.25 s at a comma
        (",", 60, 2.0, 40),
        (",", 60, 0.5, 10),
        (",", 10, 1.0, 10),  # a short pause stays
        (",", 10, 2.0, 20),
        ("g", 60, 1.0, 8),  # 0.1 s inside a word
        ("g", 60, 2.0, 8),
        ("g", 6, 1.0, 6),
    ],
)
def test_silence_is_as_long_as_the_writing_asks_for(character, n_silent, pauses, left):
    mel, attention = mel_with_silence(WRITTEN.index(character), n_silent)
    said = paused(mel, attention, WRITTEN, 2, pauses)
    assert silent_frames(said) == left
    assert said.shape[1] - silent_frames(said) == mel.shape[1] - n_silent


def test_silence_at_the_ends_is_short():
    mel = torch.cat([torch.full((80, 50), -4.0), torch.ones(80, 100), torch.full((80, 70), -4.0)], dim=1)
    assert paused(mel, attended([0] * 110), WRITTEN, 2).shape[1] == 100 + 2 * alignment.frames(0.05)


def test_speech_without_silence_stays_as_it_is():
    mel = torch.rand(80, 100)
    assert torch.equal(paused(mel, attended(GOOD), WRITTEN, 2), mel)


def sentences(text: str) -> list:
    return read(text, "en")


class Faltering:
    """A synthesizer whose attention goes each way in turn; asked: texts and seeds of each call."""

    config = SimpleNamespace(reduction=2, silence=-3.4)

    def __init__(self, *ways: str):
        self.ways, self.asked = ways, []

    def __call__(self, texts, embedding, seeds, max_frames):
        way_taken = self.ways[len(self.asked)]
        self.asked.append((texts, list(seeds)))
        return [self.spoken(text, kind, seed) for text, kind, seed in zip(texts, way_taken, seeds, strict=True)]

    def spoken(self, text, kind, seed) -> Spoken:
        """g: a good take; s: it left words out; r: it ran away."""
        path = way(range(len(text))) if kind == "g" else way(range(0, 3), range(len(text) - 3, len(text)))
        path = path if kind != "r" else path + [0] * 200
        mel = torch.full((80, 2 * len(path)), float(seed % 4))
        return Spoken(mel, attended(path, len(text)), kind != "r")


TWO = "We took a long walk. Then we went home again."


def test_a_sentence_that_lost_its_way_is_said_again_with_another_seed_alone():
    network = Faltering("gs", "s", "g")
    first, second = mels_of(network, sentences(TWO), torch.zeros(256), [0, 1])
    assert [seeds for _, seeds in network.asked] == [[0, 1], [2], [3]]
    assert float(first[0, 0]) == 0
    assert float(second[0, 0]) == 3


def test_the_best_attempt_is_taken_when_none_is_good():
    network = Faltering("r", "s", "r")
    (mel,) = mels_of(network, sentences("We took a long walk."), torch.zeros(256), [0])
    assert float(mel[0, 0]) == 1
    assert len(network.asked) == speech.MAX_ATTEMPTS


@pytest.mark.parametrize(("speed", "part"), [(0.5, 2.0), (1.0, 1.0), (2.0, 0.5)])
def test_speed_makes_a_mel_shorter(speed, part):
    asked = sentences("We took a long walk.")
    (usual,) = mels_of(Faltering("g"), asked, torch.zeros(256), [1])
    (said,) = mels_of(Faltering("g"), asked, torch.zeros(256), [1], speed)
    assert said.shape == (80, round(usual.shape[1] * part))


def test_a_seed_decides_a_take_and_what_else_is_said_does_not():
    network = tiny_tacotron()
    embedding = torch.nn.functional.normalize(torch.ones(256), dim=0)
    one, other = sentences(TWO)
    (alone,) = mels_of(network, [other], embedding, [5])
    _, beside = mels_of(network, [one, other], embedding, [4, 5])
    assert alone.shape == beside.shape
    torch.testing.assert_close(alone, beside, atol=1e-3, rtol=0)
    assert float(alone.abs().max()) <= 4


def test_a_sentence_is_never_longer_than_its_characters_allow():
    """Untrained attention never ends, and there is no limit for the whole text."""
    (mel,) = mels_of(tiny_tacotron(), sentences("We took a long walk."), torch.zeros(256), [0])
    assert mel.shape[1] <= speech.MAX_FRAMES[0] + speech.MAX_FRAMES[1] * 21


@pytest.mark.parametrize(
    ("words", "read_as"),
    [
        ("The café’s GPU — fast…", "the cafe's gpu - fast."),
        ("“Really?”", '"really?"'),
        ("Yes", "yes."),
        ("well,", "well."),
        ("a_b~c", "abc."),
        ("  two   spaces! ", "two spaces!"),
    ],
)
def test_text_is_written_with_the_characters_the_network_knows(words, read_as):
    assert characters(words, ".") == read_as
    assert [SYMBOLS[index] for index in symbol_ids(read_as)] == [*read_as, END]


@pytest.mark.parametrize(
    ("text", "readable"), [("We are here.", True), ("Мы здесь.", False), ("Anna said: привет.", False), ("25", True)]
)
def test_russian_is_left_to_the_networks_that_know_it(text, readable):
    assert all(is_readable(sentence) for sentence in read(text, "en")) == readable


def test_few_imported_networks_are_kept_in_memory(tmp_path):
    library = ModelLibrary(tmp_path / "imported")
    path = checkpoint_file(tmp_path / "v.pt", "vocoder")
    for name in "abc":
        library.add(path, name)
    networks = ImportedNetworks(library, "cpu", limit=2)
    first = networks.get("vocoder", "a")
    second = networks.get("vocoder", "b")
    assert networks.get("vocoder", "a") is first
    networks.get("vocoder", "c")
    assert networks.get("vocoder", "a") is first
    assert networks.get("vocoder", "b") is not second
