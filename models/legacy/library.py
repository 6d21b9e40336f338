"""Imported networks on disk: a safetensors file and a card of each, and which of them are in use."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
from torch import nn

from models import checkpoint
from models.errors import N_, TembrError
from models.legacy import ENCODER, KINDS, OWN, SYNTHESIZER, VOCODER
from models.legacy.published import Published, read_published
from models.legacy.tacotron import Tacotron, TacotronConfig
from models.legacy.wavernn import WaveRNN, WaveRNNConfig
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig

PUBLISHED = "rtvc"  # the name of a file that is named after its kind
NETWORKS = {
    ENCODER: (SpeakerEncoder, SpeakerEncoderConfig),
    SYNTHESIZER: (Tacotron, TacotronConfig),
    VOCODER: (WaveRNN, WaveRNNConfig),
}
IN_USE = "in_use.json"
MAX_NAME = 40  # characters
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME - 1}}}")


class UnknownModel(TembrError):
    """No imported network has the name."""

    def __init__(self, name: str, known: list[str]):
        template = N_("There is no imported network %(name)s. There are: %(known)s.")
        super().__init__(template, name=name, known=", ".join([OWN, *known]))


class InvalidModelName(TembrError):
    """The name cannot be given to a network."""


@dataclass(frozen=True)
class ImportedModel:
    """One imported network.  steps: it was trained, None where its file does not tell."""

    kind: str
    name: str
    source: str  # name of the file it was
    sha256: str  # of that file
    steps: int | None
    parameters: int
    added: str  # ISO date
    is_in_use: bool


class ModelLibrary:
    """The imported networks of a folder, KIND/NAME.safetensors, and which are in use."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, path: Path, name: str | None = None) -> ImportedModel:
        """Import a file of Real-Time-Voice-Cloning, whole or not at all.

        name: by default that of the file, or PUBLISHED if that only tells its kind.
        Raises UnusableModelFile, InvalidModelName.
        """
        published = read_published(path)
        name = self._free_name(published.kind, name if name is not None else _name_of(path))
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        facts = {
            "source": path.name,
            "sha256": sha256,
            "steps": published.steps,
            "parameters": sum(part.numel() for part in published.network.parameters()),
            "added": date.today().isoformat(),
        }
        weights, card = self.path(published.kind, name), self.path(published.kind, name).with_suffix(".md")
        try:
            checkpoint.save(weights, published.network, dtype=torch.float32, **facts)
            card.write_text(_card(weights.name, published, facts), encoding="utf-8")
        except BaseException:
            weights.unlink(missing_ok=True)
            card.unlink(missing_ok=True)
            raise
        return self.find(published.kind, name)

    def models(self) -> list[ImportedModel]:
        """What was imported, by kind and name.  Raises UnreadableWeights for a damaged file."""
        return [self.find(kind, name) for kind in KINDS for name in self._names(kind)]

    def find(self, kind: str, name: str) -> ImportedModel:
        """Raises UnknownModel, and UnreadableWeights for a damaged file."""
        if name not in self._names(kind):
            raise UnknownModel(name, self._names(kind))
        facts = checkpoint.provenance(self.path(kind, name))
        return ImportedModel(kind, name, **facts, is_in_use=self.in_use(kind) == name)

    def load(self, kind: str, name: str) -> nn.Module:
        """The network, in float32 and evaluation mode.  Raises UnknownModel, UnreadableWeights."""
        if name not in self._names(kind):
            raise UnknownModel(name, self._names(kind))
        return checkpoint.load(self.path(kind, name), *NETWORKS[kind])

    def in_use(self, kind: str) -> str:
        """Name of the network that is used when a request names none."""
        return self._choices().get(kind, OWN)

    def use(self, name: str, kind: str | None = None) -> list[str]:
        """Use every network of that name, or that of one kind; OWN for those that ship.  Returns the kinds.

        Raises UnknownModel.
        """
        kinds = self._kinds_of(name, kind)
        self._choose({**self._choices(), **dict.fromkeys(kinds, name)})
        return kinds

    def remove(self, name: str, kind: str | None = None) -> list[str]:
        """Delete every network of that name, or that of one kind; Tembr's own is used instead.

        Returns the kinds.  Raises UnknownModel.
        """
        kinds = self._kinds_of(name, kind) if name != OWN else []
        if not kinds:
            raise UnknownModel(name, [])
        self._choose({one: used for one, used in self._choices().items() if one not in kinds or used != name})
        for one in kinds:
            self.path(one, name).unlink()
            self.path(one, name).with_suffix(".md").unlink(missing_ok=True)
        return kinds

    def _kinds_of(self, name: str, kind: str | None) -> list[str]:
        """The kinds, or the one asked for, that have a network of that name."""
        asked = [kind] if kind else list(KINDS)
        kinds = [one for one in asked if name == OWN or name in self._names(one)]
        if not kinds:
            raise UnknownModel(name, sorted({known for one in asked for known in self._names(one)}))
        return kinds

    def path(self, kind: str, name: str) -> Path:
        """Where the weights of that name are, or would be."""
        return self.folder / kind / f"{name}.safetensors"

    def _names(self, kind: str) -> list[str]:
        return sorted(path.stem for path in (self.folder / kind).glob("*.safetensors"))

    def _free_name(self, kind: str, name: str) -> str:
        """The name, if a network of that kind can be given it.  Raises InvalidModelName."""
        if not _NAME.fullmatch(name) or name == OWN:
            template = N_(
                "A network cannot be called %(name)s: small letters, digits, - and _ make a name, at most %(limit)d."
            )
            raise InvalidModelName(template, name=name, limit=MAX_NAME)
        if name in self._names(kind):
            template = N_(
                "There is a %(kind)s named %(name)s already: remove it first, or import this under another name."
            )
            raise InvalidModelName(template, kind=kind, name=name)
        return name

    def _choices(self) -> Mapping[str, str]:
        """kind -> name, of what is in use and not Tembr's own."""
        try:
            return json.loads((self.folder / IN_USE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def _choose(self, choices: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{IN_USE}.partial"
        draft.write_text(json.dumps(choices), encoding="utf-8")
        draft.replace(self.folder / IN_USE)


def _name_of(path: Path) -> str:
    """Derive a name from a file name."""
    name = re.sub("[^a-z0-9_-]+", "-", path.stem.lower()).strip("-_")[:MAX_NAME]
    return PUBLISHED if name in KINDS or not name else name


def _card(file: str, published: Published, facts: Mapping) -> str:
    """The card of an imported network, in Markdown."""
    steps = (
        f"{published.steps:,} steps of training"
        if published.steps
        else "its file does not tell how long it was trained"
    )
    rows = {
        "network": f"{published.kind} of Real-Time-Voice-Cloning; {facts['parameters']:,} parameters, float32; {steps}",
        "origin": f"`{facts['source']}`, SHA-256 `{facts['sha256']}`; imported on {facts['added']}",
        "licence": "that of whoever trained it; the published files are under the MIT licence",
        "made by": "`./tembr models import`; tensors unchanged, optimizer state left out",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"# {file}\n\n| | |\n|---|---|\n{table}\n"
