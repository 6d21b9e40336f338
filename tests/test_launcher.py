"""./tembr in a small house of its own: real Python environments, stand-ins for gunicorn, pytest and the speaker."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parent.parent / "tembr"
SAY_ARGUMENTS = "import os, sys\nprint(os.getcwd(), *sys.argv[1:], sep='|')\n"
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


def require(house: Path, version: str) -> None:
    """Change what the house needs."""
    lines = f"--no-index\n--find-links wheels\nfakeserver=={version}\n"
    (house / "requirements.txt").write_text(lines)


def bare_house(folder: Path) -> Path:
    house = folder / "a house"  # a space in its name
    (house / "app").mkdir(parents=True)
    shutil.copy(LAUNCHER, house / "tembr")
    wheel(house / "wheels", "fakeserver", "1.0", gunicorn=SAY_ARGUMENTS)
    wheel(house / "wheels", "fakeserver", "1.1", gunicorn="print('new', end=' ')\n" + SAY_ARGUMENTS)
    wheel(house / "wheels", "faketests", "1.0", pytest=SAY_ARGUMENTS)
    require(house, "1.0")
    (house / "requirements-dev.txt").write_text("--no-index\n--find-links wheels\nfaketests\n")
    (house / "app/cli.py").write_text(SPEAKER)
    return house


def tembr(house: Path, *arguments: str, launcher: Path | None = None, cwd: Path | None = None, **environment: str):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TEMBR_", "PYTHON"))}
    return subprocess.run(
        [launcher or house / "tembr", *arguments],
        cwd=cwd or house,
        env=clean | {"TEMBR_PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def made_house(tmp_path_factory) -> Path:
    house = bare_house(tmp_path_factory.mktemp("made"))
    result = tembr(house, "test")
    assert result.returncode == 0, result.stderr
    return house


@pytest.fixture
def house(made_house, tmp_path) -> Path:
    """A house whose environment is up to date; pip, thousands of files, is borrowed from the one that was made."""
    borrowed = shutil.ignore_patterns("pip", "setuptools", "pkg_resources", "_distutils_hack", "__pycache__")
    house = shutil.copytree(made_house, tmp_path / "house", symlinks=True, ignore=borrowed)
    for package in made_house.glob(".venv/lib/python*/site-packages/*"):
        here = house / package.relative_to(made_house)
        if not here.exists():
            here.symlink_to(package)
    return house


@pytest.fixture
def bare(tmp_path) -> Path:
    """A house without an environment."""
    return bare_house(tmp_path)


def stand_in_python(folder: Path, script: str) -> str:
    """A PATH on which every python3 is the given script."""
    folder.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_help_names_every_command(bare):
    result = tembr(bare, "help")
    assert result.returncode == 0
    assert all(f"./tembr {command}" in result.stdout for command in ("serve", "speak", "test"))
    assert result.stdout == tembr(bare).stdout
    assert not (bare / ".venv").exists()


def test_an_unknown_command_is_refused_by_name(bare):
    result = tembr(bare, "sing")
    assert result.returncode == 2
    assert "no command 'sing'" in result.stderr


def test_a_bare_checkout_serves_on_loopback_with_one_worker(bare):
    result = tembr(bare, "serve")
    assert result.returncode == 0, result.stderr
    assert "making .venv" in result.stderr
    assert "http://127.0.0.1:5000" in result.stderr
    folder, *arguments = result.stdout.strip().split("\n")[-1].split("|")
    assert folder == str(bare)
    joined = " ".join(arguments)
    assert "--workers 1 --worker-class gthread" in joined
    assert "--bind 127.0.0.1:5000" in joined
    assert joined.endswith("wsgi:app")


def test_a_second_start_installs_nothing(house):
    result = tembr(house, "serve")
    assert result.returncode == 0
    assert "install" not in result.stderr


def test_changed_requirements_are_installed(house):
    require(house, "1.1")
    result = tembr(house, "serve")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().split("\n")[-1].startswith("new ")
    assert "making .venv" not in result.stderr


def test_an_interrupted_install_starts_afresh(house):
    (house / ".venv/.installing").touch()
    junk = next((house / ".venv/lib").glob("python*")) / "site-packages/half_a_package.py"
    junk.touch()
    result = tembr(house, "serve")
    assert result.returncode == 0, result.stderr
    assert "making .venv" in result.stderr
    assert not junk.exists()
    assert not (house / ".venv/.installing").exists()


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_a_mark_and_no_lock(house, signal_sent):
    slow = house / "slow"
    slow.mkdir()
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (slow / "pyproject.toml").write_text(backend)
    (slow / "backend.py").write_text("import time\ntime.sleep(60)\n")
    (house / "requirements.txt").write_text("./slow\n")
    start = subprocess.Popen(
        [str(house / "tembr"), "serve"],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        text=True,
    )
    assert start.stderr.readline().startswith("tembr: installing")
    time.sleep(1)
    os.killpg(start.pid, signal_sent)
    start.communicate(timeout=60)
    assert start.returncode == 128 + signal_sent
    assert (house / ".venv/.installing").exists()
    assert not (house / ".venv/.lock").exists()


def test_a_failed_install_is_said_and_tried_again(house):
    require(house, "9.9")
    failed = tembr(house, "serve")
    assert failed.returncode == 1
    assert failed.stderr.strip().split("\n")[-1].startswith("tembr: what requirements.txt asks for could not be")
    assert failed.stdout.strip() == ""
    require(house, "1.1")
    assert tembr(house, "serve").returncode == 0


def test_two_starts_at_once_install_once(house):
    require(house, "1.1")
    start = [str(house / "tembr"), "serve"]
    environment = os.environ | {"TEMBR_PYTHON": sys.executable}
    both = [
        subprocess.Popen(start, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("tembr: installed." in errors for _, errors in said) == 1
    assert all("new " in output for output, _ in said)
    assert not (house / ".venv/.lock").exists()


def test_the_lock_of_a_dead_start_is_inherited(house):
    require(house, "1.1")
    dead = subprocess.Popen(["true"])
    dead.wait()
    (house / ".venv/.lock").mkdir()
    (house / ".venv/.lock/pid").write_text(f"{dead.pid}\n")
    assert tembr(house, "serve").returncode == 0
    assert not (house / ".venv/.lock").exists()


def test_an_old_python_is_refused_in_one_line(bare, tmp_path):
    path = stand_in_python(tmp_path / "old", 'case "$2" in *platform*) echo 3.9.2 ;; *) exit 1 ;; esac')
    result = tembr(bare, "serve", PATH=path, TEMBR_PYTHON="")
    assert result.returncode == 1
    (line,) = result.stderr.strip().split("\n")
    assert "Python 3.11 or newer is needed; python3 here is 3.9.2" in line


def test_a_named_python_that_does_not_run_is_refused_in_one_line(bare):
    result = tembr(bare, "serve", TEMBR_PYTHON="/nowhere/python3")
    assert result.returncode == 1
    (line,) = result.stderr.strip().split("\n")
    assert "TEMBR_PYTHON=/nowhere/python3" in line


def test_a_python_without_venv_is_refused_in_one_line(bare, tmp_path):
    script = f'case "$2" in *ensurepip*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac'
    result = tembr(bare, "speak", PATH=stand_in_python(tmp_path / "bin", script), TEMBR_PYTHON="")
    assert result.returncode == 1
    (line,) = result.stderr.strip().split("\n")
    assert "python3-venv" in line
    assert not (bare / ".venv/.lock").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", "127.0.0.1.example.org"])
def test_other_machines_are_not_served_unasked(bare, host):
    result = tembr(bare, "serve", TEMBR_HOST=host)
    assert result.returncode == 1
    assert f"TEMBR_HOST={host} can be reached from other machines" in result.stderr
    assert "TEMBR_ALLOW_REMOTE=1" in result.stderr


@pytest.mark.parametrize(
    ("settings", "bind"),
    [
        ({"TEMBR_HOST": "0.0.0.0", "TEMBR_ALLOW_REMOTE": "1"}, "0.0.0.0:5000"),
        ({"TEMBR_HOST": "localhost", "TEMBR_PORT": "8080"}, "localhost:8080"),
        ({"TEMBR_HOST": "::1"}, "[::1]:5000"),
    ],
)
def test_host_and_port_are_taken_from_the_environment(house, settings, bind):
    assert f"--bind|{bind}|" in tembr(house, "serve", **settings).stdout


@pytest.mark.parametrize("port", ["http", "-1", "123456", "50 00"])
def test_a_port_that_is_none_is_refused(bare, port):
    result = tembr(bare, "serve", TEMBR_PORT=port)
    assert result.returncode == 1
    assert f"TEMBR_PORT={port} is no port" in result.stderr


def test_install_stops_before_anything_is_started(house):
    result = tembr(house, "install")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "tembr: .venv is up to date.\n"


def test_test_passes_its_arguments_on(house):
    result = tembr(house, "test", "-k", "one or two")
    assert result.stdout.strip().split("|")[1:] == ["-k", "one or two"]


def test_speak_runs_in_the_callers_folder_through_a_symlink(house, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link"
    link.symlink_to("../house/tembr")
    result = tembr(house, "speak", "two words", "--out", "x.mp3", launcher=link, cwd=tmp_path / "elsewhere")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"{tmp_path}/elsewhere|speak|two words|--out|x.mp3"


def test_speak_keeps_its_exit_status(house):
    assert tembr(house, "speak", "fail").returncode == 7
