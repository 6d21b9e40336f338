"""Spoken consents: recordings in which speakers agree to be cloned, each valid for recordings of that speaker alone."""

from app import storage
from app.db import VoiceConsent, db
from app.voices import quality
from models import N_, TembrError, VoiceProfile

# Cosine of a consent of 5 s and a recording of 10 s, of 172 people in LibriSpeech, CMU AN4, speechocean762, VCTK and
# others: of one person 0.79 to 0.97, 2 of 172 below 0.75; of two people 0.56 on average, 2.2 % of 29,412 pairs above
# it, men and women alike.  A telephone's band and noise 15 dB below the voice bring one person's down to 0.65.
SAME_SPEAKER = 0.75


class NotTheSpeaker(TembrError):
    """The recording is not of the person who gave the consent.  similarity: cosine of the two."""

    def __init__(self, similarity: float):
        template = N_(
            "The consent does not sound like the recording: similarity %(similarity).2f, and at least %(least).2f is"
            " needed. Let the same person record both, with the same microphone."
        )
        super().__init__(template, similarity=similarity, least=SAME_SPEAKER)


class ConsentLost(TembrError):
    """The file of the consent is missing from the disk."""

    def __init__(self):
        super().__init__(N_("The recording of this consent is missing from the disk. Record the consent again."))


def keep(consent: VoiceConsent, recording: bytes) -> VoiceConsent:
    """Keep a new consent with its recording: both, or neither.

    Raises what quality.hear raises for a recording that is unfit, OSError and SQLAlchemyError.
    """
    quality.hear(recording)
    storage.keep(consent, recording, storage.kind_of(recording))
    return consent


def recording_of(consent: VoiceConsent) -> bytes:
    """Return the recording of a consent.  Raises ConsentLost."""
    path = storage.path_of(consent)
    if not path.is_file():
        raise ConsentLost
    return path.read_bytes()


def check(recording: bytes, profile: VoiceProfile) -> None:
    """Raise NotTheSpeaker unless a consent's recording and a profile are of one speaker; and what quality.hear does."""
    speaker, _findings = quality.hear(recording)
    similarity = float(speaker.embedding @ profile.embedding)
    if similarity < SAME_SPEAKER:
        raise NotTheSpeaker(similarity)


def forget(consent: VoiceConsent) -> None:
    """Delete a consent and its recording; the voices that were made with it stay, with its date."""
    path = storage.path_of(consent) if consent.file_name else None
    db.session.delete(consent)
    db.session.commit()
    if path:
        path.unlink(missing_ok=True)
