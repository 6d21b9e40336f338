"""Write the locks that ./tembr installs from: every package with the hashes of its files, for Linux and macOS.

    .venv/bin/python deploy/lock.py

requirements.lock            what serving and speaking need, but for PyTorch
requirements-torch.lock      PyTorch's default build, with NVIDIA's libraries on Linux
requirements-torch-cpu.lock  its CPU build for Linux
requirements-dev.lock        what tests and lint need besides
requirements-postgresql.lock what a site on PostgreSQL needs besides
requirements-ray.lock        what the machines with the networks of several sites need besides

The hashes of the CPU build come from PyTorch's index; where that cannot be reached, those that are locked already are
kept as long as the version is the same.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
CPU_BUILDS = "https://download.pytorch.org/whl/cpu/torch/"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
CUDA = re.compile(r"nvidia-|cuda-|triton")

Lock = dict[str, str]  # name -> the lines of a package


def resolve(*files: str) -> Lock:
    """Every package that the files need, each at one version for all systems and Pythons where one will do."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--universal",
        "--python-version",
        PYTHONS[0],
        "--generate-hashes",
        "--no-config",
    ]
    command += ["--no-header", "--no-annotate", "--quiet", *files]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    packages: Lock = {}
    for package in re.split(r"\n(?=\S)", lines.strip()):
        name = re.match(r"[a-z0-9-]+", package)[0]
        packages[name] = packages.get(name, "") + package + "\n"
    return packages


def cpu_build(version: str, locked: str) -> str:
    """The lines of PyTorch's CPU build for Linux.

    locked: those that are locked already.  Raises ValueError where neither they nor PyTorch's index has the version.
    """
    python = "|".join(f"cp{number.replace('.', '')}" for number in PYTHONS)
    wheel = rf"torch-{re.escape(version)}%2Bcpu-({python})-\1-manylinux\w+\.whl#sha256=(\w+)"
    try:
        with urlopen(CPU_BUILDS, timeout=30) as page:
            hashes = sorted({found[2] for found in re.finditer(wheel, page.read().decode())})
    except OSError:
        hashes = re.findall(r"sha256:(\w+)", locked) if f"torch=={version}+cpu " in locked else []
    if not hashes:
        raise ValueError(f"{CPU_BUILDS} gives no hashes of torch {version}.")
    return " \\\n    ".join([f"torch=={version}+cpu", *(f"--hash=sha256:{value}" for value in hashes)]) + "\n"


def write(name: str, what: str, packages: Lock) -> None:
    head = f"# {what}  Written by deploy/lock.py: not to be changed by hand.\n\n"
    (ROOT / name).write_text(head + "".join(packages[package] for package in sorted(packages)))


def main() -> None:
    everything = resolve("requirements.txt", "requirements-dev.txt")
    serving = {name: everything[name] for name in resolve("requirements.txt")}
    torch = {name: serving.pop(name) for name in [*serving] if name == "torch" or CUDA.match(name)}
    version = re.match(r"torch==(\S+)", torch["torch"])[1]
    cpu = {"torch": cpu_build(version, (ROOT / "requirements-torch-cpu.lock").read_text())}
    development = {name: lines for name, lines in everything.items() if name not in {*serving, *torch}}

    def besides(file: str) -> Lock:
        packages = resolve("requirements.txt", file).items()
        return {name: lines for name, lines in packages if name not in {*serving, *torch}}

    write("requirements.lock", "What serving and speaking need, but for PyTorch.", serving)
    write("requirements-torch.lock", "PyTorch's default build, with NVIDIA's libraries on Linux.", torch)
    write("requirements-torch-cpu.lock", "PyTorch's CPU build for Linux.", cpu)
    write("requirements-dev.lock", "What tests and lint need besides.", development)
    write(
        "requirements-postgresql.lock",
        "What a site on PostgreSQL needs besides.",
        besides("requirements-postgresql.txt"),
    )
    what = "What the machines with the networks of several sites need besides."
    write("requirements-ray.lock", what, besides("requirements-ray.txt"))


if __name__ == "__main__":
    main()
