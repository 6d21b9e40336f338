"""A small house for ./tembr: stand-ins for what it installs, and how it is started there."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

LAUNCHER = Path(__file__).parent.parent / "tembr"
SAY_ARGUMENTS = "import os, sys\nprint(os.getcwd(), *sys.argv[1:], sep='|')\n"
COMPILER = """import shutil, sys
if "broken" in open(sys.argv[3]).read():
    sys.exit(1)
shutil.copy(sys.argv[3], sys.argv[5])
"""
SPEAKER = SAY_ARGUMENTS + "sys.exit(7 if 'fail' in sys.argv else 0)\n"


def wheel(folder: Path, name: str, version: str, **modules: str) -> None:
    """A package of the given modules, ready to install without a network."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for module, source in modules.items():
            file.writestr(f"{module}.py", source)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def lock(house: Path, file: str, name: str, version: str, options: str = "--no-index\n--find-links wheels") -> None:
    """Lock a package with the hashes of its builds in the house."""
    builds = [build.read_bytes() for build in sorted(house.glob(f"*/{name}-{version}[-.]*"))]
    hashes = " ".join(f"--hash=sha256:{hashlib.sha256(build).hexdigest()}" for build in builds or [b"none"])
    (house / file).write_text(f"{options}\n{name}=={version} {hashes}\n")


def require(house: Path, version: str) -> None:
    """Change what the house needs."""
    lock(house, "requirements.lock", "fakeserver", version)


def bare_house(folder: Path) -> Path:
    house = folder / "a house"  # a space in its name
    (house / "app/cli").mkdir(parents=True)
    shutil.copy(LAUNCHER, house / "tembr")
    babel = {"babel/messages/frontend": COMPILER}
    wheel(house / "wheels", "fakeserver", "1.0", gunicorn=SAY_ARGUMENTS, **babel)
    wheel(house / "wheels", "fakeserver", "1.1", gunicorn="print('new', end=' ')\n" + SAY_ARGUMENTS)
    wheel(house / "wheels", "faketests", "1.0", pytest=SAY_ARGUMENTS)
    wheel(house / "wheels", "torch", "2.0", torch="build = 'default'")
    wheel(house / "cpu", "torch", "2.0+cpu", torch="build = 'cpu'")
    require(house, "1.0")
    lock(house, "requirements-dev.lock", "faketests", "1.0")
    lock(house, "requirements-torch.lock", "torch", "2.0")
    lock(house, "requirements-torch-cpu.lock", "torch", "2.0+cpu", options="")
    (house / "app/cli/__main__.py").write_text(SPEAKER)
    (house / "app/cli/help.txt").write_text("Usage: ./tembr speak --every-option")
    return house


def surroundings() -> dict[str, str]:
    """The environment of a start that meets no network."""
    set_by_tembr = ("TEMBR_", "PYTHON", "OMP_", "GOMP_", "ONEDNN_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(set_by_tembr)}
    return clean | {"TEMBR_PYTHON": sys.executable, "TEMBR_CPU_TORCH": "no", "PIP_INDEX_URL": "file:///nowhere"}


def tembr(house: Path, *arguments: str, launcher: Path | None = None, cwd: Path | None = None, **environment: str):
    return subprocess.run(
        [launcher or house / "tembr", *arguments],
        cwd=cwd or house,
        env=surroundings() | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def stand_in_python(folder: Path, script: str) -> str:
    """A PATH on which every python3 is the given script."""
    folder.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"
