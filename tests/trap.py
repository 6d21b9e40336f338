"""What no reader of strangers' files may open."""


class Trap:
    """Tells when it is unpickled."""

    sprung = False

    def __reduce__(self):
        return _spring, ()


def _spring() -> None:
    Trap.sprung = True
