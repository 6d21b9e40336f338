"""A PostgreSQL server of its own for the tests, from the system's packages; without one they are skipped."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: requirements-postgresql.txt")


@pytest.fixture(scope="session")
def server():
    """Serves on a socket in a folder of its own, and on no port; gives that folder."""
    found = [shutil.which("initdb"), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True))]
    programs = next((Path(path).resolve().parent for path in found if path), None)
    if not programs:
        pytest.skip("there is no PostgreSQL server (Debian: apt-get install postgresql)")
    user = None
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("there is no user postgres, and root may not run its server")
    folder = Path(tempfile.mkdtemp(prefix="tembr-postgresql-"))
    if user:
        shutil.chown(folder, user)
    run = {"user": user, "cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}}
    data = folder / "data"
    initdb = [programs / "initdb", "-D", data, "-U", "tembr", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, **run)
    serve = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(serve, stdout=log, stderr=log, **run)
    try:
        _wait_for(folder, process)
        yield folder
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def _wait_for(folder: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host=str(folder), user="tembr", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.1)


@pytest.fixture
def new_database(server):
    """Makes an empty database; gives its URL, as TEMBR_DATABASE takes it."""
    made = []

    def make() -> str:
        made.append(f"tembr_{time.time_ns()}")
        _command(server, f"CREATE DATABASE {made[-1]}")
        return f"postgresql:///{made[-1]}?host={server}&user=tembr"

    yield make
    for name in made:
        _command(server, f"DROP DATABASE {name} WITH (FORCE)")


def _command(server: Path, command: str) -> None:
    with psycopg.connect(host=str(server), user="tembr", dbname="postgres", autocommit=True) as connection:
        connection.execute(command)
