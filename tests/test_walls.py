"""Who may import whom: the walls between the wings of the site, the networks and what trains them."""

import ast
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

from config import ROOT

WINGS = {"voices", "speak", "history", "api", "cli"}
COMPOSE = {"app", "app.startup"}  # these two may know every wing
NETWORKS = {"speaker_encoder", "synthesizer", "vocoder", "legacy.tacotron", "legacy.wavernn"}
LOADED = "import sys; from models import {name}; print(*sorted(sys.modules))"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, and every name that it takes from one, dotted."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).parent.as_posix().replace("/", ".")
            source = resolve_name("." * node.level + (node.module or ""), package)
            found |= {f"{source}.{alias.name}" for alias in node.names}
    return found


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def arrows(package: str) -> list[tuple[str, str]]:
    """Every (importer, module) within the repository, of the files of a package."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for name in sorted(imported(path)):
            target = name if is_module(name) else name.rpartition(".")[0]
            if target.partition(".")[0] in ("app", "models", "config", "tests", "benchmarks"):
                found.append((module_name(path), target))
    return found


def wing_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "app" and len(parts) > 1 and parts[1] in WINGS else None


APP, MODELS = arrows("app"), arrows("models")


def test_walk_sees_the_arrows():
    assert ("app.speak.worker", "app.history.retention") in APP
    assert ("models.cloning", "models.synthesizer") in MODELS


def test_site_imports_models_itself_and_no_part_of_it():
    assert [arrow for arrow in APP if arrow[1].startswith("models.")] == []


def test_shared_modules_import_no_wing():
    shared = [arrow for arrow in APP if not wing_of(arrow[0]) and arrow[0] not in COMPOSE]
    assert shared and [arrow for arrow in shared if wing_of(arrow[1])] == []


@pytest.mark.parametrize(("wing", "others"), [("voices", {"speak", "history"}), ("history", {"speak"})])
def test_wing_imports_no_wing_above_it(wing, others):
    assert [arrow for arrow in APP if wing_of(arrow[0]) == wing and wing_of(arrow[1]) in others | {"api", "cli"}] == []


def test_nobody_imports_the_api_but_what_composes_the_site():
    outside = [arrow for arrow in APP if wing_of(arrow[0]) != "api" and arrow[0] not in COMPOSE]
    assert [arrow for arrow in outside if wing_of(arrow[1]) == "api"] == []


def test_networks_never_import_each_other():
    networks = {f"models.{name}" for name in NETWORKS}
    assert {importer for importer, _ in MODELS} >= networks
    assert [arrow for arrow in MODELS if arrow[0] in networks and arrow[1] in networks - {arrow[0]}] == []


def test_models_know_neither_site_nor_settings_nor_what_trains():
    serving = [arrow for arrow in MODELS if not arrow[0].startswith("models.training")]
    assert [arrow for arrow in serving if not arrow[1].startswith("models") or "training" in arrow[1]] == []


def loaded_with(name: str) -> list[str]:
    """The modules that a program has loaded when it took a name from models."""
    command = [sys.executable, "-c", LOADED.format(name=name)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_importing_models_does_not_load_training():
    loaded = loaded_with("VoiceCloner")
    assert "models.cloning" in loaded
    assert not [name for name in loaded if name.startswith("models.training")]
    assert "pyworld" not in loaded


@pytest.mark.parametrize("name", ["SPEED", "TembrError", "read"])
def test_limits_errors_and_texts_are_read_without_networks(name):
    assert "torch" not in loaded_with(name)
