"""Every setting of the site, each with its unit; TEMBR_<NAME> in the environment overrides those of README's table."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from models import limits

ROOT = Path(__file__).parent
NO = ("0", "no", "off", "false")
# settings that it alone reads
OF_THE_LAUNCHER = ("PORT", "PORT_FILE", "PYTHON", "CPU_TORCH")


class Environment:
    """The settings that the environment makes.  variables: its names and values."""

    def __init__(self, variables: Mapping[str, str]):
        self._variables = variables
        self._known = {f"TEMBR_{name}" for name in OF_THE_LAUNCHER}

    def setting(self, name: str, default):
        """TEMBR_<name>, or what the file named by TEMBR_<name>_FILE says, in the type of `default`; else `default`.

        Raises ValueError with the name when it is no number, when both are given, when the file cannot be read.
        """
        variable = f"TEMBR_{name}"
        self._known |= {variable, f"{variable}_FILE"}
        value, file = (self._variables.get(given, "").strip() for given in (variable, f"{variable}_FILE"))
        if value and file:
            raise ValueError(f"{variable} and {variable}_FILE are both given: one is enough.")
        try:
            value = Path(file).read_text("utf-8").strip() if file else value
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{variable}_FILE={file} cannot be read: {error}.") from None
        try:
            return type(default)(value) if value else default
        except ValueError:
            kind = "whole number" if isinstance(default, int) else "number"
            raise ValueError(f"{variable}={value} is no {kind}.") from None

    def unknown(self) -> list[str]:
        """The names that begin as a setting does and are none."""
        return sorted(name for name in self._variables if name.startswith("TEMBR_") and name not in self._known)


_environment = Environment(os.environ)
_setting = _environment.setting


class Config:
    # where it is served, and under which other names it is asked for, parted by commas
    HOST = _setting("HOST", "127.0.0.1")
    HOSTS = tuple(filter(None, re.split(r"[,\s]+", _setting("TRUSTED_HOSTS", ""))))
    THREADS = _setting("THREADS", 16)  # requests answered at once; the launcher reads it too
    PROXIES = max(_setting("PROXIES", 0), 0)  # how many of them, one behind the other, say where a request comes from

    PASSWORD = _setting("PASSWORD", "")  # "": whoever reaches the site uses it
    SESSION_HOURS = min(_setting("SESSION_HOURS", 336.0), 87_600.0)  # after which the password is asked for again

    METRICS_TOKEN = _setting("METRICS_TOKEN", "")  # of who reads /metrics; "": only this machine does

    API_LOCAL = _setting("API_LOCAL", "no").lower() not in NO  # programs of this machine itself need no token

    LOG = _setting("LOG", "lines")  # or "json"

    # how often one address, or one program's token, may do what costs work; "no": as often as it likes
    LIMIT_SIGN_INS = _setting("LIMIT_SIGN_INS", "5 per minute; 30 per hour")
    LIMIT_SPEECHES = _setting("LIMIT_SPEECHES", "30 per minute")
    LIMIT_API = _setting("LIMIT_API", "120 per minute")
    LIMIT_PREVIEWS = _setting("LIMIT_PREVIEWS", "240 per minute")
    LIMIT_UPLOADS = _setting("LIMIT_UPLOADS", "60 per minute")

    # where things are kept: database, secret key, recordings, speeches
    INSTANCE = _setting("INSTANCE", ROOT / "instance")
    SQLALCHEMY_DATABASE_URI = _setting("DATABASE", "") or None  # None: SQLite under INSTANCE
    SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True}  # a database that was restarted is connected to again
    SECRET_KEY = _setting("SECRET_KEY", "") or None  # None: made once and kept under INSTANCE
    READY_VOICES = _setting("READY_VOICES", ROOT / "models" / "weights" / "voices")
    WEIGHTS = _setting("WEIGHTS", INSTANCE / "weights")  # an owner's own; each file comes before the shipped one
    # what speaks where a request names nothing else: "tembr", an imported network's name, or "" for the one in use
    SYNTHESIZER = _setting("SYNTHESIZER", "")
    VOCODER = _setting("VOCODER", "")
    # where they run, and in which precision: auto, cpu, cuda:0; auto, float32, bfloat16, float16
    DEVICE = _setting("DEVICE", "auto")
    PRECISION = _setting("PRECISION", "auto")
    # the networks on other machines: ray://HOST:PORT, and the token that both sides know; "": in this process
    CLONER = _setting("CLONER", "")
    CLONER_TOKEN = _setting("CLONER_TOKEN", "")

    LEARN = _setting("LEARN", "yes").lower() not in NO  # voices are learned as soon as they are added

    # how long speeches are kept; 0: until somebody deletes them
    KEEP_DAYS = _setting("KEEP_DAYS", 0.0)
    KEEP_MEGABYTES = _setting("KEEP_MEGABYTES", 0.0)  # of 1,000,000 bytes, all files together
    # what /verify knows of a file after its speech was deleted: its hash, and the voice's name with it
    KEEP_HASHES = _setting("KEEP_HASHES", "yes").lower() not in NO
    KEEP_HASH_VOICES = _setting("KEEP_HASH_VOICES", "yes").lower() not in NO

    # what a person may ask for
    MAX_TEXT_CHARACTERS = min(_setting("MAX_TEXT_CHARACTERS", limits.MAX_TEXT_CHARACTERS), limits.MAX_TEXT_CHARACTERS)
    MAX_NAME_CHARACTERS = _setting("MAX_NAME_CHARACTERS", 60)
    MAX_NOTE_CHARACTERS = _setting("MAX_NOTE_CHARACTERS", 200)
    MAX_WORD_CHARACTERS = _setting("MAX_WORD_CHARACTERS", 60)  # of the dictionary, and of its respelling
    MAX_UPLOAD_MEGABYTES = _setting("MAX_UPLOAD_MEGABYTES", 50)  # of 1,000,000 bytes, one recording
    MAX_VERIFY_MEGABYTES = _setting("MAX_VERIFY_MEGABYTES", 4 * MAX_UPLOAD_MEGABYTES)  # one file that is looked up
    MAX_SPEAKING_MINUTES = _setting("MAX_SPEAKING_MINUTES", 60.0)  # that one text is in work
    QUEUE_PLACES = _setting("QUEUE_PLACES", 20)  # texts that wait to be spoken
    # where they wait: "memory" of one process, or "database", a PostgreSQL shared by several
    QUEUE = _setting("QUEUE", "memory")
    WORKERS = max(_setting("WORKERS", 2), 1)  # texts that one of several processes speaks at once
    MAX_READ_CHARACTERS = _setting("MAX_READ_CHARACTERS", 5000)  # of the text that was read in one recording
    MAX_RECORDINGS = _setting("MAX_RECORDINGS", 20)  # of one voice
    WAIT_SECONDS = 1.0  # of a browser without scripts, before it gets a page that asks again: a thread waits with it
    SPEECHES_PER_PAGE = 20
    VOICES_PER_PAGE = 20
    VOICES_OFFERED = 30  # on the front page, before one is searched for
    WORDS_PER_PAGE = 50

    # A recording somewhat over its limit is still received, so that the text sent with it comes back in the form.
    MAX_CONTENT_LENGTH = (max(4 * MAX_UPLOAD_MEGABYTES, MAX_VERIFY_MEGABYTES) + 10) * 1_000_000  # bytes, one request
    MAX_FORM_MEMORY_SIZE = 8_000_000  # bytes, one field that is no file

    SESSION_COOKIE_NAME = "tembr"
    SESSION_COOKIE_SAMESITE = "Lax"
    SESSION_COOKIE_SECURE = _setting("HTTPS_ONLY", "") == "1"
    WTF_CSRF_TIME_LIMIT = None  # seconds; a page may stay open as long as its session does

    UNKNOWN = _environment.unknown()  # names in the environment that are no setting
