"""Settings: what the environment may say, and where each of them is told and passed on."""

import re
import runpy

import pytest

from config import ROOT
from models.limits import MAX_TEXT_CHARACTERS

# not of a container
OF_THE_HOST = {"HOST", "PORT", "PASSWORD", "PYTHON", "CPU_TORCH", "INSTANCE", "READY_VOICES", "WEIGHTS", "API_LOCAL"}


@pytest.fixture
def config(monkeypatch):
    """The settings with the given ones in the environment."""

    def read(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(f"TEMBR_{name}", value)
        return runpy.run_path(ROOT / "config.py")["Config"]

    return read


def _names(pattern: str, *files: str) -> set[str]:
    return {name for file in files for name in re.findall(pattern, (ROOT / file).read_text("utf-8"), re.MULTILINE)}


def _of_readme() -> set[str]:
    rows = _names(r"^\| (`TEMBR_.*?) \|", "README.md")
    return {name for row in rows for name in re.findall(r"TEMBR_(\w+)", row)}


def test_readme_tells_every_setting_and_no_other():
    read = _names(r'_setting\("(\w+)"', "config.py") | _names(r"TEMBR_([A-Z_]+)", "config.py", "tembr")
    assert _of_readme() == read


def test_container_is_given_every_setting_but_those_of_its_host():
    assert _names(r"^    - TEMBR_(\w+)$", "compose.yaml") == _of_readme() - OF_THE_HOST


def test_environment_overrides_a_setting_in_its_type(config):
    settings = config(MAX_UPLOAD_MEGABYTES="7", KEEP_DAYS="0.5", KEEP_HASHES="No", MAX_TEXT_CHARACTERS="")
    assert (settings.MAX_UPLOAD_MEGABYTES, settings.MAX_VERIFY_MEGABYTES, settings.KEEP_DAYS) == (7, 28, 0.5)
    assert settings.KEEP_HASHES is False and settings.MAX_TEXT_CHARACTERS == MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(
    ("given", "allowed"), [(500, 500), (MAX_TEXT_CHARACTERS, MAX_TEXT_CHARACTERS), (50_000, MAX_TEXT_CHARACTERS)]
)
def test_no_longer_text_is_promised_than_can_be_spoken(config, given, allowed):
    assert allowed == config(MAX_TEXT_CHARACTERS=str(given)).MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(("name", "value"), [("MAX_UPLOAD_MEGABYTES", "0.5"), ("KEEP_DAYS", "a week")])
def test_setting_that_is_no_number_is_refused_by_its_name(config, name, value):
    with pytest.raises(ValueError, match=f"TEMBR_{name}={value}"):
        config(**{name: value})


def test_setting_is_read_from_a_file(config, tmp_path):
    (tmp_path / "password").write_text("пароль\n", "utf-8")
    (tmp_path / "days").write_text("7.5")
    settings = config(PASSWORD_FILE=str(tmp_path / "password"), KEEP_DAYS_FILE=str(tmp_path / "days"))
    assert (settings.PASSWORD, settings.KEEP_DAYS, settings.UNKNOWN) == ("пароль", 7.5, [])


def test_setting_given_twice_or_by_a_file_that_is_not_there_is_refused_by_its_name(config, tmp_path):
    with pytest.raises(ValueError, match="TEMBR_PASSWORD_FILE=.*nowhere cannot be read"):
        config(PASSWORD_FILE=str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="TEMBR_PASSWORD and TEMBR_PASSWORD_FILE are both given"):
        config(PASSWORD="a")


def test_names_that_are_no_settings_are_known(config):
    settings = config(ALLOW_REMOTE="1", KEEP_DAY="7", KEEP_DAYS="7", PORT="80", THREADS="4", PYTHON="python3")
    assert settings.UNKNOWN == ["TEMBR_ALLOW_REMOTE", "TEMBR_KEEP_DAY"]
