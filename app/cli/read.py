"""./tembr read: how a text is read."""

import re

import click

from app.cli.common import answer, dictionary, json_option, language_option


@click.command()
@click.argument("text")
@language_option
@json_option
def read(text: str, language: str | None, as_json: bool) -> None:
    """Print how TEXT is read: in words with their stress, then in phones.

    Bars part the phones of two words.
    """
    from models import read

    sentences = read(text, language, dictionary())
    if as_json:
        for sentence in sentences:
            answer({"language": sentence.language, "words": sentence.words, "phones": sentence.phones})
        return
    phones = " | ".join(" ".join(sentence.phones) for sentence in sentences)
    print(" ".join(sentence.words for sentence in sentences).replace("\n", " "))
    print(re.sub(r" {3}", " | ", phones))
