"""What serves does not load what trains."""

import subprocess
import sys

LOADED = "import sys, models; print(*sorted(sys.modules))"


def test_importing_models_does_not_load_training():
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert "models.cloning" in loaded
    assert not [name for name in loaded if name.startswith("models.training")]
    assert "pyworld" not in loaded
