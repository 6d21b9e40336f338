"""./tembr in a small house of its own: real Python environments, and stand-ins for what they hold."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.house import bare_house, lock, require, stand_in_python, surroundings, tembr, wheel


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


def test_help_names_every_command(bare):
    result = tembr(bare, "help")
    assert result.returncode == 0
    assert all(f"./tembr {command}" in result.stdout for command in ("serve", "speak", "test"))
    assert result.stdout == tembr(bare).stdout
    assert result.stdout.endswith("Usage: ./tembr speak --every-option")
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
    assert "--workers 1 --worker-class app.server.Worker" in joined
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
def test_an_interruption_leaves_a_mark_and_no_lock(house, tmp_path, signal_sent):
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (tmp_path / "pyproject.toml").write_text(backend)
    (tmp_path / "backend.py").write_text("import time\ntime.sleep(60)\n")
    with tarfile.open(house / "wheels/slow-1.0.tar.gz", "w:gz") as file:
        for name in ("pyproject.toml", "backend.py"):
            file.add(tmp_path / name, f"slow-1.0/{name}")
    lock(house, "requirements.lock", "slow", "1.0")
    start = subprocess.Popen(
        [str(house / "tembr"), "serve"],
        env=surroundings(),
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
    assert failed.stderr.strip().split("\n")[-1].startswith("tembr: what requirements.lock asks for could not be")
    assert failed.stdout.strip() == ""
    require(house, "1.1")
    assert tembr(house, "serve").returncode == 0


def test_a_package_that_is_not_the_locked_one_is_refused(house):
    wheel(house / "wheels", "fakeserver", "1.1", gunicorn="print('another')\n")
    lines = (house / "requirements.lock").read_text()
    require(house, "1.1")
    wheel(house / "wheels", "fakeserver", "1.1", gunicorn="print('changed since')\n")
    failed = tembr(house, "serve")
    assert failed.returncode == 1 and failed.stdout == ""
    assert "DO NOT MATCH THE HASHES" in failed.stderr
    (house / "requirements.lock").write_text(lines)
    assert tembr(house, "serve").returncode == 0


@pytest.fixture
def cpu_builds(house):
    """Serves an index of CPU builds of PyTorch; returns its address, and what was asked of it."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code="-", size="-"):
            asked.append(f"{self.command} {self.path}")

    (house / "index/torch").mkdir(parents=True)
    (build,) = (house / "cpu").iterdir()
    (house / "index/torch/index.html").write_text(f'<a href="{build.name}">{build.name}</a>')
    build.rename(house / "index/torch" / build.name)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=house / "index")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def torch_build(house: Path) -> str:
    """What PyTorch a house has: default or cpu."""
    asked = [house / ".venv/bin/python", "-c", "import torch; print(torch.build)"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def remove_torch(house: Path) -> None:
    (house / ".venv/.made-from-requirements-torch.lock").unlink()
    for path in house.glob(".venv/lib/python*/site-packages/torch*"):
        path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)


def smi(folder: Path, status: int) -> dict[str, str]:
    """A PATH with an nvidia-smi that ends so."""
    (folder / "bin").mkdir()
    (folder / "bin/nvidia-smi").write_text(f"#!/bin/sh\nexit {status}\n")
    (folder / "bin/nvidia-smi").chmod(0o755)
    return {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have one build")
has_no_gpu = sys.platform == "linux" and not Path("/dev/nvidia0").exists()
needs_no_gpu = pytest.mark.skipif(not has_no_gpu, reason="for Linux without an NVIDIA GPU")


@needs_no_gpu
def test_without_a_gpu_the_cpu_build_of_torch_is_taken(house, tmp_path, cpu_builds):
    remove_torch(house)
    address, _asked = cpu_builds
    result = tembr(house, "install", TEMBR_CPU_TORCH=address, **smi(tmp_path, 9))
    assert result.returncode == 0, result.stderr
    assert f"there is no NVIDIA GPU: looking for PyTorch's CPU build at {address}." in result.stderr
    assert torch_build(house) == "cpu"


@on_linux
def test_with_a_gpu_the_default_build_is_taken_and_the_index_is_not_asked(house, tmp_path, cpu_builds):
    remove_torch(house)
    address, asked = cpu_builds
    result = tembr(house, "install", TEMBR_CPU_TORCH=address, **smi(tmp_path, 0))
    assert result.returncode == 0, result.stderr
    assert (torch_build(house), asked) == ("default", [])


@needs_no_gpu
def test_an_index_that_has_not_this_torch_is_passed_over(house, tmp_path, cpu_builds):
    remove_torch(house)
    address, _asked = cpu_builds
    (house / "index/torch/index.html").write_text("")
    result = tembr(house, "install", TEMBR_CPU_TORCH=address, **smi(tmp_path, 9))
    assert result.returncode == 0, result.stderr
    assert "taking the default build" in result.stderr
    assert torch_build(house) == "default"


@needs_no_gpu
@pytest.mark.parametrize(("found", "build"), [([], "default"), (["cpu"], "cpu")])
def test_an_index_that_does_not_answer_is_waited_for_no_longer_than_three_seconds(house, tmp_path, found, build):
    remove_torch(house)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        links = " ".join(str(house / folder) for folder in found)
        start = time.monotonic()
        result = tembr(house, "install", TEMBR_CPU_TORCH=address, PIP_FIND_LINKS=links, **smi(tmp_path, 9))
    assert result.returncode == 0, result.stderr
    assert address not in result.stderr and torch_build(house) == build
    assert time.monotonic() - start < 60


def test_sentences_that_changed_are_compiled_at_a_start(house):
    folder = house / "translations/de/LC_MESSAGES"
    folder.mkdir(parents=True)
    for sentence in ("Guten Tag", "Guten Abend"):
        (folder / "messages.po").write_text(sentence)
        result = tembr(house, "install")
        assert result.stderr == "tembr: .venv is up to date.\n"
        assert (folder / "messages.mo").read_text() == sentence
    written = (folder / "messages.mo").stat().st_ino
    tembr(house, "install")
    assert (folder / "messages.mo").stat().st_ino == written


def test_sentences_that_cannot_be_compiled_leave_the_others_and_are_named(house):
    folder = house / "translations/de/LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text("broken")
    (folder / "messages.mo").write_text("as before")
    os.utime(folder / "messages.mo", (0, 0))
    result = tembr(house, "serve")
    assert result.returncode == 0
    assert "translations/de/LC_MESSAGES/messages.po could not be compiled" in result.stderr
    assert (folder / "messages.mo").read_text() == "as before"


def test_threads_that_wait_sleep_soon_unless_it_is_said_otherwise(house):
    (house / "app/cli/__main__.py").write_text("import os\nprint(os.environ['GOMP_SPINCOUNT'])\n")
    assert tembr(house, "speak").stdout == "1000\n"
    assert tembr(house, "speak", GOMP_SPINCOUNT="7").stdout == "7\n"


def test_a_site_keeps_fewer_shapes_prepared_than_a_command_unless_it_is_said_otherwise(house):
    told = "import os\nprint(os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY'])\n"
    (house / "app/cli/__main__.py").write_text(told)
    assert tembr(house, "speak").stdout == "512\n"
    assert tembr(house, "speak", ONEDNN_PRIMITIVE_CACHE_CAPACITY="128").stdout == "128\n"
    (server,) = house.glob(".venv/lib/python*/site-packages/gunicorn.py")
    server.write_text(told)
    assert tembr(house, "serve").stdout == "64\n"


def test_two_starts_at_once_install_once(house):
    require(house, "1.1")
    start = [str(house / "tembr"), "serve"]
    both = [
        subprocess.Popen(start, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
    assert "set TEMBR_PASSWORD as well" in result.stderr


@pytest.mark.parametrize(
    ("settings", "bind"),
    [
        ({"TEMBR_HOST": "0.0.0.0", "TEMBR_PASSWORD": "a word"}, "0.0.0.0:5000"),
        ({"TEMBR_HOST": "localhost", "TEMBR_PORT": "8080"}, "localhost:8080"),
        ({"TEMBR_HOST": "::1"}, "[::1]:5000"),
    ],
)
def test_host_and_port_are_taken_from_the_environment(house, settings, bind):
    assert f"--bind|{bind}|" in tembr(house, "serve", **settings).stdout


def test_host_port_and_password_are_read_from_files(house, tmp_path):
    files = {"TEMBR_HOST_FILE": "0.0.0.0", "TEMBR_PORT_FILE": "8080", "TEMBR_PASSWORD_FILE": "a word"}
    for name, content in files.items():
        (tmp_path / name).write_text(f"{content}\n")
    result = tembr(house, "serve", **{name: str(tmp_path / name) for name in files})
    assert "--bind|0.0.0.0:8080|" in result.stdout, result.stderr
    (tmp_path / "TEMBR_PASSWORD_FILE").write_text("\n")
    refused = tembr(house, "serve", **{name: str(tmp_path / name) for name in files})
    assert refused.returncode == 1 and "set TEMBR_PASSWORD as well" in refused.stderr
    lost = tembr(house, "serve", TEMBR_HOST_FILE="/nowhere")
    assert lost.returncode == 1 and "TEMBR_HOST_FILE=/nowhere cannot be read" in lost.stderr


@pytest.mark.parametrize("port", ["http", "-1", "123456", "50 00"])
def test_a_port_that_is_none_is_refused(bare, port):
    result = tembr(bare, "serve", TEMBR_PORT=port)
    assert result.returncode == 1
    assert f"TEMBR_PORT={port} is no port" in result.stderr


def test_install_stops_before_anything_is_started(house):
    result = tembr(house, "install")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "tembr: .venv is up to date.\n"


def test_test_passes_its_arguments_on_after_its_own(house):
    result = tembr(house, "test", "-n0", "-k", "one or two")
    assert result.stdout.strip().split("|")[1:] == ["-n", "auto", "--dist", "loadfile", "-n0", "-k", "one or two"]


def test_speak_runs_in_the_callers_folder_through_a_symlink(house, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link"
    link.symlink_to("../house/tembr")
    result = tembr(house, "speak", "two words", "--out", "x.mp3", launcher=link, cwd=tmp_path / "elsewhere")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"{tmp_path}/elsewhere|speak|two words|--out|x.mp3"


def test_speak_keeps_its_exit_status(house):
    assert tembr(house, "speak", "fail").returncode == 7
