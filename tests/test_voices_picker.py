"""The voices that the front page offers."""

import re

import pytest


@pytest.fixture
def long_bank(app, bank):
    """A bank of more voices than the front page offers."""
    app.config["VOICES_OFFERED"] = 2
    return bank("Anna", "Boris", "Clara", "Борис")


def _offered(page):
    return re.findall(r'<span class="name">(.*?)</span>', page)


def test_front_page_offers_the_first_voices_of_a_long_bank_and_the_chosen_one(client, long_bank):
    assert _offered(client.get("/").text) == ["Борис", "Clara"]
    page = client.get("/?voice=1").text
    assert _offered(page) == ["Anna", "Борис", "Clara"] and 'value="1" checked' in page
    assert "There are more voices" in page


def test_voice_is_found_on_the_front_page_and_what_was_filled_in_stays(client, cloner, long_bank):
    filled = {"voice": "3", "text": "Hello.", "speed": "1.5", "format": "wav", "found": "", "find": "ANN", "show": "1"}
    page = client.post("/", data=filled).text
    assert _offered(page) == ["Clara", "Anna"] and 'value="3" checked' in page
    assert "Hello." in page and 'name="find" value="ANN"' in page and cloner.said == []
    assert _offered(client.post("/", data=filled | {"find": ""}).text) == ["Борис", "Clara"]
    assert client.post("/", data=filled | {"find": "a" * 60_000}).status_code == 200


def test_enter_in_the_search_of_the_front_page_does_not_speak(client, cloner, long_bank):
    filled = {"voice": "3", "text": "Hello.", "speed": "1", "format": "wav", "found": ""}
    assert client.post("/", data=filled | {"find": "ann"}).status_code == 200 and cloner.said == []
    assert client.post("/", data=filled | {"find": "ann", "found": "ann"}).status_code == 303


def test_search_without_a_result_says_so(client, long_bank):
    page = client.get("/voices/choices?find=zoe&chosen=1").text
    assert "No voices match “zoe”." in page and _offered(page) == ["Anna"]
    assert "<html" not in page


@pytest.mark.parametrize("chosen", ["recording", "speech-1", "9" * 30, "-1", "99", ""])
def test_choice_that_is_no_voice_is_not_offered(client, long_bank, chosen):
    assert _offered(client.get("/voices/choices", query_string={"chosen": chosen}).text) == ["Борис", "Clara"]


def test_short_bank_is_offered_whole_and_without_a_search(client, bank):
    bank("Anna")
    page = client.get("/").text
    assert _offered(page) == ["Anna"] and 'name="find"' not in page
