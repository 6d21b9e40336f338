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


def test_compose_file_for_many_gives_settings_that_there_are():
    given = set(re.findall(r"TEMBR_(\w+?)(?:_FILE)?=", (ROOT / "deploy" / "scaling.compose.yaml").read_text()))
    assert {"CLONER", "QUEUE", "DATABASE", "CLONER_TOKEN"} <= given
    known = {name.removeprefix("SQLALCHEMY_").removesuffix("_URI") for name in vars(Config)} | {"TRUSTED_HOSTS"}
    assert given - known == set()


def test_replicas_are_those_that_ray_serve_is_told_of():
    told, served = ((ROOT / name).read_text() for name in ("deploy/ray.yaml", "ray_serve.py"))
    module, name = re.search(r"import_path: (\w+):(\w+)", told).groups()
    assert module == "ray_serve" and f"\n{name} = Networks.bind(" in served
    deployment = re.search(r"deployments:\n      - name: (\w+)", told)[1]
    assert f'@serve.deployment(name="{deployment}"' in served
