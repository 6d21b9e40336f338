"""Nothing is fetched at run time: a site without any network starts, adds a voice, and speaks."""

import json
import os
import shutil
import subprocess
import sys

from config import ROOT

SITE = """
import io, json, sys, tempfile
from pathlib import Path

asked = []
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")
sys.addaudithook(lambda name, arguments: asked.append(f"{name} {arguments}") if name in NETWORK else None)

from app import create_app, startup
from config import Config

settings = {"INSTANCE": Path(tempfile.mkdtemp()), "SQLALCHEMY_DATABASE_URI": None, "SECRET_KEY": None}
settings |= {"WTF_CSRF_ENABLED": False, "WAIT_SECONDS": 300.0}
app = create_app(type("Settings", (Config,), settings))
startup.start(app)
client = app.test_client()
sample = Path("tests/data/kathleen.opus").read_bytes()
upload = {"name": "New", "consent": "y", "recording": (io.BytesIO(sample), "a.opus")}
statuses = [client.post("/voices", data=upload).status_code]
for language, text in (("ru", "Встретимся 3 мая в 12:30 у замка."), ("en", "Dr. Smythe read 25 zorbly books.")):
    form = {"voice": "1", "text": text, "language": language}
    statuses.append(client.post("/", data=form).status_code)
statuses.append(client.get("/speeches/2/mel.png").status_code)
print(json.dumps({"asked": asked, "statuses": statuses}))
"""


def cut_off() -> list[str]:
    """What runs a command without a network, where this machine lets one do so."""
    command = ["unshare", "--map-root-user", "--net"]
    is_there = shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True).returncode
    return command if is_there else []


def test_site_without_a_network_hears_and_speaks(tmp_path):
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run = subprocess.run(
        [*cut_off(), sys.executable, "-c", SITE],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert told == {"asked": [], "statuses": [303, 303, 303, 200]}
