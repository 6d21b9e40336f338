"""Takes the speaker encoder's weights out of the wheel of Resemblyzer 0.1.4 (Apache-2.0).

pip download --no-deps Resemblyzer==0.1.4
python -m models.training.convert_encoder Resemblyzer-0.1.4-py3-none-any.whl
"""

import io
import sys
import zipfile
from pathlib import Path

import torch

from models import checkpoint
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig

WEIGHTS = Path(__file__).parents[1] / "weights" / "speaker_encoder.safetensors"


def convert(wheel: Path, destination: Path) -> None:
    """Write the network inside Resemblyzer's wheel as safetensors (float16)."""
    stored = zipfile.ZipFile(wheel).read("resemblyzer/pretrained.pt")
    state = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)["model_state"]
    network = SpeakerEncoder(SpeakerEncoderConfig())
    network.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity")})
    checkpoint.save(destination, network, licence="Apache-2.0", source="Resemblyzer 0.1.4, resemblyzer/pretrained.pt")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), WEIGHTS)
