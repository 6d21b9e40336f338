"""What is in deploy/ fits the site."""

import re

import pytest

from config import ROOT, Config


@pytest.mark.parametrize(
    ("file", "limit"), [("nginx.conf", r"client_max_body_size (\d+)m"), ("Caddyfile", r"max_size (\d+)MB")]
)
def test_proxy_takes_what_the_site_takes(file, limit):
    taken = int(re.search(limit, (ROOT / "deploy" / file).read_text())[1])
    assert taken * 1_000_000 == Config.MAX_CONTENT_LENGTH


def test_container_has_a_fixed_user_and_changes_nothing_but_its_data():
    dockerfile, compose = ((ROOT / name).read_text() for name in ("Dockerfile", "compose.yaml"))
    assert "\nUSER 999:999\n" in dockerfile and "--uid 999" in dockerfile
    for line in ("read_only: true", "cap_drop:\n    - ALL", "tmpfs:\n    - /tmp", "no-new-privileges:true"):
        assert line in compose
