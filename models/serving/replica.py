"""Replica: answers what sites ask with the networks of this process, behind any HTTP server."""

import hmac
from collections.abc import Sequence

import numpy as np

from models.adapter import Adapter
from models.cloning import VoiceCloner
from models.serving import wire

VERSION = 1  # of the messages; a site asks replicas of its own version alone
OK, BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, REFUSED, FAILED = 200, 400, 401, 404, 422, 500


class Replica:
    """token: what a site must send to be answered; "" for none."""

    def __init__(self, cloner: VoiceCloner, token: str = ""):
        self.cloner, self._token = cloner, token

    def may_ask(self, authorization: str) -> bool:
        """Whether a request with that Authorization header is answered."""
        return not self._token or hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode())

    def answer(self, path: str, message: bytes) -> tuple[int, bytes]:
        """Answer one message: its HTTP status and body.

        REFUSED carries an error of the networks that would come again anywhere, FAILED one that may be of this
        process alone.
        """
        answers = {"/about": self._about, "/examine": self._examine, "/embed": self._embed, "/say": self._say}
        if path not in answers:
            return NOT_FOUND, wire.pack({"fault": "RuntimeError", "message": f"there is no {path}"})
        try:
            return OK, answers[path](*wire.unpack(message))
        except tuple(wire.FAULTS.values()) as fault:
            return REFUSED, wire.pack(wire.pack_fault(fault))
        except (wire.InvalidMessage, KeyError, TypeError) as fault:
            return BAD_REQUEST, wire.pack(wire.pack_fault(fault))
        except Exception as fault:
            return FAILED, wire.pack(wire.pack_fault(fault))

    def say(self, messages: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Answer several messages to /say, of any sites and texts."""
        return [self.answer("/say", message) for message in messages]

    def _about(self, values: dict, arrays: dict[str, np.ndarray]) -> bytes:
        cloner = self.cloner
        about = {"version": VERSION, "sample_rate": cloner.sample_rate, "device": str(cloner.device)}
        return wire.pack(about | {"in_use": cloner.in_use, "fingerprint": cloner.fingerprint})

    def _examine(self, values: dict, arrays: dict[str, np.ndarray]) -> bytes:
        profile, findings = self.cloner.examine(arrays["waveform"])
        found = {} if profile is None else {"profile": wire.pack_profile(profile)}
        return wire.pack(wire.pack_findings(findings), **found)

    def _embed(self, values: dict, arrays: dict[str, np.ndarray]) -> bytes:
        return wire.pack({}, embedding=self.cloner.embed(arrays["waveform"], int(values["sample_rate"])))

    def _say(self, values: dict, arrays: dict[str, np.ndarray]) -> bytes:
        sentence, profile = wire.unpack_sentence(values["sentence"]), wire.unpack_profile(arrays["profile"])
        manner = dict(values["manner"])
        if made_on := manner.pop("made_on", None):
            manner["adapter"] = Adapter.from_bytes(arrays["adapter"].tobytes(), made_on)
        (spoken,) = self.cloner.say([sentence], profile, **manner)
        return wire.pack_spoken(spoken)
