"""Memory: what is kept of what was used last, and what is given back."""

import ctypes
from collections.abc import Callable, Hashable
from typing import TypeVar

Value = TypeVar("Value")


def recent(known: dict[Hashable, Value], key: Hashable, limit: int, make: Callable[[], Value]) -> Value:
    """What is known of a key, made if it is not yet; of the keys, those used last are kept, at most limit of them."""
    value = known.pop(key) if key in known else make()
    known[key] = value  # the last one used stands last
    if len(known) > limit:
        known.pop(next(iter(known)))
    return value


def give_back_memory() -> None:
    """Let glibc give back what the networks freed; other C libraries do so by themselves."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
