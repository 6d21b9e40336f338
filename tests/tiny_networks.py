"""The networks, small and untrained: they make noise, by the same rules as the real ones."""

import math

import torch

from models import checkpoint
from models.cloning import WEIGHTS
from models.limits import LANGUAGES
from models.mel_discriminator import MelDiscriminator, MelDiscriminatorConfig
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.speaker_verifier import SpeakerVerifier, SpeakerVerifierConfig
from models.synthesizer import Synthesizer, SynthesizerConfig
from models.text.symbols import SYMBOLS
from models.vocoder import Vocoder, VocoderConfig
from models.voice_profile import PROFILE_SIZE

TINY_SYNTHESIZER = SynthesizerConfig(
    n_symbols=len(SYMBOLS),
    n_languages=len(LANGUAGES),
    n_profile=PROFILE_SIZE,
    dim=32,
    encoder_layers=2,
    voice_dim=16,
    decoder_dim=32,
    decoder_hidden=64,
    decoder_layers=2,
    speaker_dim=24,
    reference_dim=16,
    reference_layers=1,
    heads=2,
    head_dim=8,
    attended_layers=(0, 1),
)
TINY_VERIFIER = SpeakerVerifierConfig(
    front_dim=16, channels=4, growth=8, bottleneck=16, layers=(1, 2, 1), embedding=TINY_SYNTHESIZER.speaker_dim
)
TINY_VOCODER = VocoderConfig(dim=32, hidden=64, layers=2)
FRAMES_PER_PHONE = 6.0  # 75 ms, about that of real speech


def tiny_classifier(seed: int = 0) -> PhoneClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PhoneClassifier(PhoneClassifierConfig(len(SYMBOLS), dim=16, hidden=32, layers=1)).eval()


def tiny_verifier(seed: int = 0) -> SpeakerVerifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SpeakerVerifier(TINY_VERIFIER).eval()


def tiny_synthesizer(seed: int = 0) -> Synthesizer:
    """A synthesizer whose phones last about FRAMES_PER_PHONE."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Synthesizer(TINY_SYNTHESIZER).eval()
    with torch.no_grad():
        network.prosody.head.bias[0] += math.log1p(FRAMES_PER_PHONE)
    return network


def tiny_vocoder(seed: int = 0) -> Vocoder:
    """A vocoder that hears pitch as the real one does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Vocoder(TINY_VOCODER).eval()
    shipped = checkpoint.load(WEIGHTS / "vocoder.safetensors", Vocoder, VocoderConfig)
    network.pitch.load_state_dict(shipped.pitch.state_dict())
    return network


def tiny_discriminator(seed: int = 0) -> MelDiscriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MelDiscriminator(MelDiscriminatorConfig(TINY_VERIFIER.embedding, channels=4)).eval()
