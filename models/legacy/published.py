"""Read files of Real-Time-Voice-Cloning: identify the network by its tensors, execute nothing in the file."""

import math
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.audio import ENCODER_MEL, SPEECH_MEL
from models.errors import N_, Message, TembrError
from models.legacy import ENCODER, SYNTHESIZER, VOCODER
from models.legacy.symbols import SYMBOLS
from models.legacy.tacotron import Tacotron, TacotronConfig
from models.legacy.wavernn import WaveRNN, WaveRNNConfig
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.voice_profile import SHAPES

MAX_BYTES = 2_000_000_000  # of a file; the largest published one has 370 MB
ZIP, OLD = b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # what torch.save begins with
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64)
NAMES_SHOWN = 3


class UnusableModelFile(TembrError):
    """The file is no network of Real-Time-Voice-Cloning, or none that Tembr can run."""


@dataclass(frozen=True)
class Published:
    """A network as it was in a file.  kind: one of legacy.KINDS; steps: of its training, None if not in the file."""

    kind: str
    network: nn.Module
    steps: int | None


class Tensors(dict[str, Tensor]):
    """Tensors by name, asked for their sizes."""

    def size(self, name: str, axis: int) -> int:
        """Raises UnusableModelFile when there is no such tensor or axis."""
        if name not in self:
            raise UnusableModelFile(N_("it has no tensor %(name)s"), name=name)
        if axis >= self[name].dim():
            shape = tuple(self[name].shape)
            raise UnusableModelFile(N_("its tensor %(name)s has the shape %(shape)s"), name=name, shape=shape)
        return self[name].shape[axis]

    def count(self, pattern: str, step: int = 1, first: int = 0) -> list[str]:
        """Names made of pattern with {} as first, first + step, ... up to the first missing one."""
        names = []
        while (name := pattern.format(first + step * len(names))) in self:
            names.append(name)
        return names

    def number(self, name: str, otherwise: float) -> float:
        """The value of a tensor that holds one number; otherwise when there is no such tensor."""
        return self[name].item() if name in self and self[name].numel() == 1 else otherwise


def read_published(path: Path) -> Published:
    """The network in a file of torch.save, with sizes inferred from its tensors, in float32 and evaluation mode.

    Nothing in the file is executed; the optimizer's state is ignored.  Raises UnusableModelFile.
    """
    try:
        content = _content(path)
        tensors = _tensors(content, path.stat().st_size)
        kind = _kind(tensors)
        steps = content.get("step") if isinstance(content.get("step"), int) else tensors.number("step", 0)
        return Published(kind, _network(kind, tensors), int(steps) or None)
    except UnusableModelFile as fault:
        raise UnusableModelFile(
            N_("%(path)s cannot be imported: %(reason)s."), path=path, reason=fault.message
        ) from fault


def _content(path: Path) -> dict:
    """Load the object that torch.save wrote, with weights_only.  Raises UnusableModelFile."""
    try:
        with path.open("rb") as file:
            start = file.read(len(OLD))
    except OSError as error:
        raise UnusableModelFile(N_("it cannot be read (%(reason)s)"), reason=error.strerror or error) from error
    if path.stat().st_size > MAX_BYTES:
        raise UnusableModelFile(N_("it has more than %(limit)d bytes"), limit=MAX_BYTES)
    is_zip = start.startswith(ZIP)
    if not is_zip and start != OLD:
        raise UnusableModelFile(N_("it is no checkpoint of PyTorch"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what the file looks like; it is refused below
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)|class ([\w.]+)", str(error))
        if not found:
            raise UnusableModelFile(N_("it is damaged or not whole")) from error
        what = next(filter(None, found.groups()))
        template = N_("it holds more than tensors (%(what)s), which could run code; nothing of it was run")
        raise UnusableModelFile(template, what=what) from error
    except Exception as error:  # a damaged file can raise anything
        raise UnusableModelFile(N_("it is damaged or not whole")) from error
    if not isinstance(content, dict):
        raise UnusableModelFile(N_("it holds a %(type)s and no tensors by name"), type=type(content).__name__)
    return content


def _tensors(content: Mapping, n_bytes: int) -> Tensors:
    """The tensors of a network by name.  Raises UnusableModelFile."""
    state = content.get("model_state", content)
    is_state = isinstance(state, Mapping) and state
    if not is_state or not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()):
        shown = ", ".join(sorted(map(str, content))[:NAMES_SHOWN])
        raise UnusableModelFile(N_("it holds no tensors by name, but: %(names)s"), names=shown)
    for name, value in state.items():
        is_plain = value.layout == torch.strided and value.device.type == "cpu" and value.dtype in DTYPES
        if not is_plain or not value.numel():
            raise UnusableModelFile(N_("its tensor %(name)s is of a kind that Tembr does not read"), name=name)
    if sum(value.numel() * value.element_size() for value in state.values()) > n_bytes:
        raise UnusableModelFile(N_("its tensors are larger than the file"))
    for name, value in state.items():
        if not value.isfinite().all():
            raise UnusableModelFile(N_("its tensor %(name)s holds numbers that are not finite"), name=name)
    return Tensors(state)


def _kind(tensors: Tensors) -> str:
    """Which of legacy.KINDS has tensors of these names.  Raises UnusableModelFile."""
    for kind, names in SIGNS.items():
        if all(name in tensors for name in names):
            return kind
    shown = ", ".join(sorted(tensors)[:NAMES_SHOWN])
    template = N_("its %(count)d tensors (%(names)s, ...) are of no network of Real-Time-Voice-Cloning")
    raise UnusableModelFile(template, count=len(tensors), names=shown)


def _network(kind: str, tensors: Tensors) -> nn.Module:
    """The network of that kind with these tensors.  Raises UnusableModelFile when they do not go together."""
    network_class, config_of, settings = READERS[kind]
    config = config_of(tensors)
    try:
        with torch.device("meta"):
            network = network_class(config)
    except (RuntimeError, ValueError) as error:
        raise UnusableModelFile(N_("the sizes of its tensors contradict each other")) from error
    wanted = network.state_dict()
    given = {name: value for name, value in tensors.items() if name not in settings}
    for name in sorted(wanted.keys() | given.keys()):
        if name not in given:
            raise UnusableModelFile(N_("it has no tensor %(name)s"), name=name)
        if name not in wanted:
            raise UnusableModelFile(N_("it has a tensor too many, %(name)s"), name=name)
        if given[name].shape != wanted[name].shape:
            template = N_("its tensor %(name)s has the shape %(shape)s, not %(wanted)s")
            shape, right = tuple(given[name].shape), tuple(wanted[name].shape)
            raise UnusableModelFile(template, name=name, shape=shape, wanted=right)
    own = {name: given[name].to(like.dtype, copy=True) for name, like in wanted.items()}  # the file is let go
    network.load_state_dict(own, assign=True)
    return network.eval()


def _encoder_config(tensors: Tensors) -> SpeakerEncoderConfig:
    config = SpeakerEncoderConfig(
        n_mels=tensors.size("lstm.weight_ih_l0", 1),
        hidden=tensors.size("lstm.weight_hh_l0", 1),
        layers=len(tensors.count("lstm.weight_ih_l{}")),
        embedding=tensors.size("linear.weight", 0),
    )
    _demand(N_("mel bands"), config.n_mels, ENCODER_MEL.n_mels)
    _demand(N_("numbers in a speaker embedding"), config.embedding, *SHAPES["embedding"])
    return config


def _synthesizer_config(tensors: Tensors) -> TacotronConfig:
    """Sizes that a bidirectional GRU cannot have, or a kernel without a middle, are rounded: shapes then differ."""
    n_mels = tensors.size("post_proj.weight", 0)
    encoder_dim = tensors.size("encoder.cbhg.conv1d_bank.0.conv.weight", 0) // 2 * 2
    config = TacotronConfig(
        n_symbols=tensors.size("encoder.embedding.weight", 0),
        symbol_dim=tensors.size("encoder.embedding.weight", 1),
        encoder_dim=encoder_dim,
        encoder_kernels=len(tensors.count("encoder.cbhg.conv1d_bank.{}.conv.weight")),
        decoder_dim=tensors.size("decoder.attn_rnn.weight_hh", 1),
        lstm_dim=tensors.size("decoder.res_rnn1.weight_hh", 1),
        postnet_dim=tensors.size("postnet.conv1d_bank.0.conv.weight", 0) // 2 * 2,
        postnet_kernels=len(tensors.count("postnet.conv1d_bank.{}.conv.weight")),
        highways=len(tensors.count("postnet.highways.{}.W1.weight")),
        attention_filters=tensors.size("decoder.attn_net.conv.weight", 0),
        attention_kernel=tensors.size("decoder.attn_net.conv.weight", 2) // 2 * 2 + 1,
        n_mels=n_mels,
        embedding=tensors.size("encoder_proj.weight", 1) - encoder_dim,
        max_reduction=tensors.size("decoder.mel_proj.weight", 0) // n_mels,
        reduction=int(tensors.number("decoder.r", 0)),
        silence=float(tensors.number("stop_threshold", TacotronConfig.silence)),
    )
    _demand(N_("characters in its alphabet"), config.n_symbols, len(SYMBOLS))
    _demand(N_("mel bands"), config.n_mels, SPEECH_MEL.n_mels)
    _demand(N_("numbers in a speaker embedding"), config.embedding, *SHAPES["embedding"])
    if not 1 <= config.reduction <= config.max_reduction:
        template = N_("its reduction factor is %(given)d; it can be 1 to %(limit)d")
        raise UnusableModelFile(template, given=config.reduction, limit=config.max_reduction)
    return config


def _vocoder_config(tensors: Tensors) -> WaveRNNConfig:
    """Sizes that cannot be parted by four, and kernels without a middle, are rounded: shapes then differ."""
    layers = tensors.count("upsample.up_layers.{}.weight", step=2, first=1)
    n_classes = tensors.size("fc3.weight", 0)
    config = WaveRNNConfig(
        n_mels=tensors.size("upsample.resnet.conv_in.weight", 1),
        pad=tensors.size("upsample.resnet.conv_in.weight", 2) // 2,
        scales=tuple(tensors.size(name, 3) // 2 for name in layers),
        compute_dim=tensors.size("upsample.resnet.conv_in.weight", 0),
        condition_dim=tensors.size("upsample.resnet.conv_out.weight", 0) // 4 * 4,
        blocks=len(tensors.count("upsample.resnet.layers.{}.conv1.weight")),
        rnn_dim=tensors.size("rnn1.weight_hh_l0", 1),
        hidden=tensors.size("fc1.weight", 0),
        bits=round(math.log2(n_classes)),
    )
    if n_classes == 30:
        raise UnusableModelFile(N_("its samples are a mixture of logistics; Tembr reads those of RAW mode alone"))
    _demand(N_("mel bands"), config.n_mels, SPEECH_MEL.n_mels)
    _demand(N_("samples a mel frame"), config.hop_length, SPEECH_MEL.hop_length)
    return config


def _demand(what: str, given: int, wanted: int) -> None:
    """Raises UnusableModelFile unless the two are equal."""
    if given != wanted:
        template = N_("it has %(given)d %(what)s; %(wanted)d are needed")
        raise UnusableModelFile(template, what=Message(what), given=given, wanted=wanted)


SIGNS = {
    ENCODER: ("lstm.weight_ih_l0", "linear.weight"),
    SYNTHESIZER: ("encoder.embedding.weight", "decoder.attn_rnn.weight_hh", "post_proj.weight"),
    VOCODER: ("upsample.resnet.conv_in.weight", "rnn1.weight_hh_l0", "fc3.weight"),
}
# kind -> network, its config from tensors, and which tensors are no weights
READERS: dict[str, tuple[type[nn.Module], Callable[[Tensors], object], tuple[str, ...]]] = {
    ENCODER: (SpeakerEncoder, _encoder_config, ("similarity_weight", "similarity_bias")),
    SYNTHESIZER: (Tacotron, _synthesizer_config, ("step", "stop_threshold", "decoder.r")),
    VOCODER: (WaveRNN, _vocoder_config, ("step",)),
}
