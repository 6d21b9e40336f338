"""Phones become frames: each as long as asked, none lost, and no item of a batch disturbs another."""

from dataclasses import replace

import pytest
import torch

from models.limits import LANGUAGES
from models.reference import Reference
from models.synthesizer import (
    MAX_EDGE_FRAMES,
    MAX_FRAMES_PER_PHONE,
    RECORDED,
    Synthesizer,
    Voice,
    regulate_length,
    whole_frames,
)
from models.text.symbols import SYMBOLS
from tests.tiny_networks import FRAMES_PER_PHONE, TINY_SYNTHESIZER, tiny_synthesizer

N_PHONES = 40


@pytest.fixture(scope="module")
def synthesizer():
    return tiny_synthesizer()


def sentence(n_phones: int = N_PHONES, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """ids and languages of a random sentence."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, len(SYMBOLS), (n_phones,), generator=generator)
    return ids, torch.randint(0, len(LANGUAGES), (n_phones,), generator=generator)


def profile(seed: int = 0) -> torch.Tensor:
    return torch.randn(TINY_SYNTHESIZER.n_profile, generator=torch.Generator().manual_seed(seed))


def reference(seed: int = 0, frames: int = 50, batch: int = 1, is_there: bool = True) -> Reference:
    """Random speech of a voice, masked if it is not there."""
    generator = torch.Generator().manual_seed(seed)
    mel = torch.randn(batch, frames, 80, generator=generator)
    content = torch.randn(batch, frames, len(SYMBOLS), generator=generator).log_softmax(-1)
    speaker = torch.randn(batch, TINY_SYNTHESIZER.speaker_dim, generator=generator) * is_there
    return Reference(mel, content, torch.full((batch, frames, 1), float(is_there)), speaker)


def voices(synthesizer, *profiles: torch.Tensor) -> Voice:
    domains = torch.full((len(profiles),), RECORDED)
    return synthesizer.condition(torch.stack(profiles), reference(batch=len(profiles)), domains)


def voice(network: Synthesizer, speech: Reference | None = None, who: int = 0) -> Voice:
    return network.condition(profile(who)[None], speech or reference(), torch.tensor([RECORDED]))


def looking_synthesizer() -> Synthesizer:
    """One whose attention to the reference is not 0, as it is at first."""
    network = tiny_synthesizer()
    with torch.no_grad():
        for attention in network.attention.values():
            attention.output.weight.normal_(generator=torch.Generator().manual_seed(0))
    return network


def test_a_phone_lasts_about_as_long_as_predicted(synthesizer):
    mel = synthesizer.speak(*sentence(), voice(synthesizer))[0]
    assert mel.shape[0] == 80
    assert mel.shape[1] == pytest.approx(N_PHONES * FRAMES_PER_PHONE, rel=0.5)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_frames_go_with_the_inverse_of_speed(synthesizer, speed):
    usual = synthesizer.speak(*sentence(), voice(synthesizer))[0].shape[1]
    assert synthesizer.speak(*sentence(), voice(synthesizer), length_scale=1 / speed)[0].shape[1] == pytest.approx(
        usual / speed, abs=2
    )


@torch.inference_mode()
def test_however_fast_every_phone_has_a_frame(synthesizer):
    assert synthesizer.speak(*sentence(), voice(synthesizer), length_scale=0.001)[0].shape[1] == N_PHONES


@torch.inference_mode()
def test_no_phone_lasts_longer_than_2_seconds_and_the_silence_at_the_ends_75_milliseconds(synthesizer):
    drawn = torch.stack([torch.full((N_PHONES,), 50.0), torch.zeros(N_PHONES)])
    longest = (N_PHONES - 2) * MAX_FRAMES_PER_PHONE + 2 * MAX_EDGE_FRAMES
    assert synthesizer.speak(*sentence(), voice(synthesizer), noise=drawn)[0].shape[1] == longest


@torch.inference_mode()
def test_one_phone_can_be_said_longer_than_the_others(synthesizer):
    usual = synthesizer.speak(*sentence(), voice(synthesizer))[0].shape[1]
    stretched = torch.ones(N_PHONES)
    stretched[7] = 4.0
    longer = synthesizer.speak(*sentence(), voice(synthesizer), length_scale=stretched)[0].shape[1]
    assert usual + FRAMES_PER_PHONE < longer < usual + 6 * FRAMES_PER_PHONE


def test_mels_lie_in_the_range_of_speech_mels(synthesizer):
    loud = tiny_synthesizer()
    with torch.no_grad():
        loud.head.weight.mul_(100)
    mel = loud.speak(*sentence(), voice(loud))[0]
    assert mel.min() == -4
    assert mel.max() == 4
    assert synthesizer.speak(*sentence(), voice(synthesizer))[0].abs().max() <= 4


def test_the_same_sentence_and_voice_give_the_same_mel(synthesizer):
    first = synthesizer.speak(*sentence(), voice(synthesizer))[0]
    synthesizer.speak(*sentence(seed=1), voice(synthesizer, who=1))[0]
    assert torch.equal(first, synthesizer.speak(*sentence(), voice(synthesizer))[0])


def test_another_voice_gives_another_mel(synthesizer):
    durations, pitch, energy = torch.full((1, N_PHONES), 5), torch.zeros(1, N_PHONES), torch.zeros(1, N_PHONES)
    ids, languages = (part[None] for part in sentence())
    mask = torch.ones(1, N_PHONES, 1)
    mels = [
        synthesizer(ids, languages, voices(synthesizer, profile(n)), durations, pitch, energy, mask)[0]
        for n in range(2)
    ]
    assert (mels[0] - mels[1]).abs().max() > 0.01


def test_another_language_gives_another_mel(synthesizer):
    ids, _ = sentence()
    russian, english = (synthesizer.speak(ids, torch.full_like(ids, n), voice(synthesizer))[0] for n in range(2))
    assert russian.shape != english.shape or (russian - english).abs().max() > 0.01


def test_noise_changes_durations_and_pitch(synthesizer):
    plain = synthesizer.speak(*sentence(), voice(synthesizer))[0]
    longer = torch.stack([torch.full((N_PHONES,), 0.3), torch.zeros(N_PHONES)])
    higher = torch.stack([torch.zeros(N_PHONES), torch.ones(N_PHONES)])
    assert synthesizer.speak(*sentence(), voice(synthesizer), noise=longer)[0].shape[1] > 1.2 * plain.shape[1]
    assert (synthesizer.speak(*sentence(), voice(synthesizer), noise=higher)[0] - plain).abs().max() > 1e-3


def test_the_mean_mel_of_a_voice_is_in_all_it_says(synthesizer):
    faint, loud = profile(), profile()
    faint[-80:], loud[-80:] = 0, 1
    durations, zeros, mask = torch.full((1, N_PHONES), 5), torch.zeros(1, N_PHONES), torch.ones(1, N_PHONES, 1)
    ids, languages = (part[None] for part in sentence())
    known = voices(synthesizer, faint)
    encoded = synthesizer.encode(ids, languages, known, mask)
    mels = [
        synthesizer.decode(ids, encoded, durations, zeros, zeros, replace(known, mean_mel=one[None, -80:]))
        for one in (faint, loud)
    ]
    torch.testing.assert_close(mels[1] - mels[0], torch.ones_like(mels[0]))


def test_another_reference_gives_another_mel():
    network = looking_synthesizer()
    mels = [network.speak(*sentence(), voice(network, reference(seed)))[0] for seed in range(2)]
    assert mels[0].shape != mels[1].shape or (mels[0] - mels[1]).abs().max() > 0.01


def test_a_masked_reference_is_as_if_it_were_not_there():
    network = looking_synthesizer()
    masked = [network.speak(*sentence(), voice(network, reference(seed, is_there=False)))[0] for seed in range(2)]
    assert torch.equal(*masked)


@torch.inference_mode()
def test_untrained_attention_looks_for_the_frames_of_its_own_phone():
    attention = looking_synthesizer().attention["0"]
    attention.query.weight.zero_()
    attention.query.bias.zero_()
    speech = reference()
    content = torch.full_like(speech.content, -10.0)
    content[0, 7, 30] = 0.0  # phone 30 is said in frame 7 alone
    features = torch.zeros(1, 50, TINY_SYNTHESIZER.reference_dim + 80)
    features[0, 7] = 1.0
    memory = attention.remember(features, replace(speech, content=content))
    attended = [attention(torch.zeros(1, 1, 32), torch.tensor([[phone]]), memory) for phone in (30, 31)]
    found = attention.output(attention.value(torch.ones(1, 1, features.shape[2])))
    missing = attention.output(attention.value(torch.zeros(1, 1, features.shape[2])))
    assert (attended[0] - found).abs().mean() < (attended[0] - missing).abs().mean()
    assert (attended[1] - missing).abs().mean() < (attended[1] - found).abs().mean()


@torch.inference_mode()
def test_padding_does_not_change_an_item_of_a_batch(synthesizer):
    """The same sentence alone, and beside one three times as long."""
    short, long = 10, 30
    ids, languages = torch.zeros(2, long, dtype=torch.long), torch.zeros(2, long, dtype=torch.long)
    ids[0, :short], languages[0, :short] = sentence(short)
    ids[1], languages[1] = sentence(long, seed=1)
    generator = torch.Generator().manual_seed(2)
    durations = torch.randint(1, 9, (2, long), generator=generator)
    pitch, energy = torch.randn(2, 2, long, generator=generator)
    mask = torch.ones(2, long, 1)
    for part in (durations, pitch, energy, mask):
        part[0, short:] = 0
    known = voices(synthesizer, profile(0), profile(1))

    together, said = synthesizer(ids, languages, known, durations, pitch, energy, mask)
    alone = [part[:1, :short] for part in (ids, languages, durations, pitch, energy, mask)]
    mel, said_alone = synthesizer(*alone[:2], voices(synthesizer, profile(0)), *alone[2:])

    assert mel.shape[1] == durations[0].sum() < together.shape[1]
    torch.testing.assert_close(together[:1, : mel.shape[1]], mel, atol=1e-5, rtol=1e-5)
    for name in ("log_durations", "pitch", "energy"):
        batched = getattr(said, name)[:1, :short]
        torch.testing.assert_close(batched, getattr(said_alone, name), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_plan_is_the_same_alone_and_beside_a_longer_sentence(synthesizer):
    short, long = 10, 30
    ids, languages = torch.zeros(2, long, dtype=torch.long), torch.zeros(2, long, dtype=torch.long)
    ids[0, :short], languages[0, :short] = sentence(short)
    ids[1], languages[1] = sentence(long, seed=1)
    mask = torch.ones(2, long, 1)
    mask[0, short:] = 0
    noise = torch.randn(2, 2, long, generator=torch.Generator().manual_seed(3))
    known, one = voices(synthesizer, profile(0), profile(1)), voices(synthesizer, profile(0))
    together = synthesizer.plan(synthesizer.encode(ids, languages, known, mask), mask, known, noise=noise)
    ids, languages, mask = (part[:1, :short] for part in (ids, languages, mask))
    encoded = synthesizer.encode(ids, languages, one, mask)
    alone = synthesizer.plan(encoded, mask, one, noise=noise[:, :1, :short])
    assert not together[0][0, short:].any()
    for part, of_one in zip(together, alone, strict=True):
        torch.testing.assert_close(part[:1, :short], of_one, atol=1e-4, rtol=1e-4)
    assert alone[0][0, [0, -1]].max() <= MAX_EDGE_FRAMES


def test_whole_frames_keep_the_running_sum():
    frames = 1 + 9 * torch.rand(3, 200, generator=torch.Generator().manual_seed(0))
    whole = whole_frames(frames)
    assert not whole.is_floating_point()
    assert (whole.cumsum(1) - frames.cumsum(1)).abs().max() <= 0.5 + 1e-3


@pytest.mark.parametrize("frames", [[0.0, 0.0, 0.0], [-3.0, 0.2, 0.9], [1.5, 1.0, 1.0], [2.5, 1.0, 1.0, 0.0]], ids=str)
def test_every_phone_gets_at_least_a_frame(frames):
    assert whole_frames(torch.tensor([frames])).min() >= 1


def test_whole_durations_stay_as_they_are():
    frames = torch.tensor([[3.0, 1.0, 7.0]])
    assert whole_frames(frames).tolist() == [[3, 1, 7]]


def test_length_regulator_repeats_each_phone_for_its_frames():
    x = torch.tensor([[[10.0], [20.0], [30.0]]])
    frames, mask, phone = regulate_length(x, torch.tensor([[2, 1, 3]]))
    assert frames[0, :, 0].tolist() == [10, 10, 20, 30, 30, 30]
    assert phone.tolist() == [[0, 0, 1, 2, 2, 2]]
    assert mask.shape == (1, 6, 1)
    assert mask.min() == 1


def test_length_regulator_tells_each_frame_its_place_in_its_phone():
    frames, _, _ = regulate_length(torch.zeros(1, 2, 1), torch.tensor([[4, 2]]))
    torch.testing.assert_close(frames[0, :, 1], torch.tensor([1 / 8, 3 / 8, 5 / 8, 7 / 8, 1 / 4, 3 / 4]))
    assert frames[0, 0, 2] > frames[0, 4, 2]  # a frame knows a long phone from a short one


def test_length_regulator_passes_over_phones_of_no_frames():
    frames, _, _ = regulate_length(torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([[1, 0, 2]]))
    assert frames[0, :, 0].tolist() == [1, 3, 3]


def test_length_regulator_pads_the_shorter_item_with_zeros():
    frames, mask, _ = regulate_length(torch.ones(2, 2, 1), torch.tensor([[1, 0], [2, 3]]))
    assert mask[..., 0].tolist() == [[1, 0, 0, 0, 0], [1, 1, 1, 1, 1]]
    assert not frames[0, 1:].any()
