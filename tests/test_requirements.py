"""The locks hold what the requirements name, and nothing that is not checked."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import ROOT

LOCKS = (
    "requirements.lock",
    "requirements-torch.lock",
    "requirements-torch-cpu.lock",
    "requirements-dev.lock",
    "requirements-ray.lock",
    "requirements-postgresql.lock",
)


def pins(file: str) -> dict[str, str]:
    """Package -> version of the lines of a requirements file or a lock."""
    lines = re.sub(r"\\\n *", "", (ROOT / file).read_text()).splitlines()
    parsed = [Requirement(re.sub(r" *(#|--hash).*", "", line)) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(package.name): str(package.specifier).removeprefix("==") for package in parsed}


@pytest.mark.parametrize(
    ("file", "locks"),
    [
        ("requirements.txt", ["requirements.lock", "requirements-torch.lock"]),
        ("requirements-dev.txt", LOCKS),
        ("requirements-ray.txt", ["requirements-ray.lock"]),
        ("requirements-postgresql.txt", ["requirements-postgresql.lock", "requirements.lock"]),
    ],
)
def test_what_is_required_is_locked_at_its_version(file, locks):
    locked = {name: version for lock in locks for name, version in pins(lock).items() if lock != LOCKS[2]}
    required = pins(file)
    assert required and {name: locked.get(name) for name in required} == required


@pytest.mark.parametrize("lock", LOCKS)
def test_each_locked_package_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text()
    packages = re.split(r"\n(?=\S)", text.partition("\n\n")[2].rstrip("\n"))
    assert len(packages) >= 1 and "://" not in text
    for package in packages:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^\n\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", package), package


def test_both_builds_of_torch_are_of_one_version():
    assert pins("requirements-torch-cpu.lock")["torch"] == pins("requirements-torch.lock")["torch"] + "+cpu"
