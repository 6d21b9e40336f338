"""The pages' language: whom it is chosen by, where it is remembered, what it changes."""

import io
import re

import pytest

from app import i18n
from config import Config

RUSSIAN, ENGLISH = '<html lang="ru">', '<html lang="en">'


@pytest.fixture
def choose(client):
    """Presses the switch of languages on a page."""

    def press(language, page="/"):
        return client.post("/language", data={"page_language": language, "next": page})

    return press


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("ru", RUSSIAN),
        ("ru-RU,ru;q=0.9,en;q=0.8", RUSSIAN),
        ("en-GB,en;q=0.9,ru;q=0.5", ENGLISH),
        ("de-DE,ru;q=0.7,en;q=0.5", RUSSIAN),
        ("de", ENGLISH),
        ("", ENGLISH),
        (";;q=x,,", ENGLISH),
    ],
)
def test_browser_gets_the_best_language_it_asks_for(client, asked, shown):
    assert shown in client.get("/voices", headers={"Accept-Language": asked}).text


def test_choice_by_hand_wins_over_the_browser_and_is_remembered(client, choose):
    answer = choose("ru", "/voices")
    assert answer.status_code == 303 and answer.location == "/voices"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Max-Age=31536000" in cookie
    assert RUSSIAN in client.get("/voices", headers={"Accept-Language": "en"}).text
    choose("en")
    assert ENGLISH in client.get("/voices", headers={"Accept-Language": "ru"}).text


def test_each_page_offers_the_other_language_in_its_own_name(client, choose):
    page = client.get("/dictionary?q=castle").text
    assert re.search(r'<button[^>]*value="ru" lang="ru">Русский</button>', page)
    assert 'value="en"' not in page.split("</header>")[0]
    assert 'name="next" value="/dictionary?q=castle"' in page
    choose("ru")
    assert re.search(r'<button[^>]*value="en" lang="en">English</button>', client.get("/").text)


@pytest.mark.parametrize("language", ["", "xx", "../../etc", "ru-RU"])
def test_language_that_is_not_there_is_refused_and_not_remembered(client, choose, language):
    answer = choose(language)
    assert answer.status_code == 400
    assert not client.get_cookie(i18n.COOKIE)
    client.set_cookie(i18n.COOKIE, language)
    assert ENGLISH in client.get("/").text


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("/", "/"),
        ("/voices?page=2&q=a%26b", "/voices?page=2&q=a%26b"),
        ("/speeches/3/again", "/speeches/3"),  # takes forms alone
        ("/dictionary/3/change?q=a", "/dictionary"),
        ("", "/"),
        ("/nowhere", "/"),
        ("/static/tembr.css", "/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/voices", "/"),
        ("////voices", "/voices"),
        ("///voices", "/voices"),
        ("/\\elsewhere.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http://[", "/"),
    ],
)
def test_switch_leads_back_to_the_page_and_never_elsewhere(choose, page, shown):
    assert choose("ru", page).location == shown


@pytest.mark.parametrize(("page", "shown"), [("/?voice=3", "/?voice=3"), ("https://elsewhere.example/", "/")])
def test_form_of_a_page_is_sent_on_to_it_and_never_elsewhere(client, page, shown):
    answer = client.post("/language", query_string={"form": page}, data={"page_language": "ru"})
    assert (answer.status_code, answer.location) == (307, shown)


def test_form_that_came_with_a_switch_is_shown_again_and_speaks_nothing(russian, bank):
    bank("Anna", "Boris")
    data = {"voice": "1", "text": "Hello", "page_language": "ru", "recording": (io.BytesIO(b"x"), "a.wav")}
    answer = russian.post("/", data=data)
    assert "Hello</textarea>" in answer.text and '<html lang="ru">' in answer.text
    assert re.search('value="1" checked', answer.text) and "Выберите запись ещё раз" in answer.text
    assert 'class="card speech"' not in russian.get("/speeches").text


def test_switch_from_another_site_is_refused(make_app):
    client = make_app(WTF_CSRF_ENABLED=True).test_client()
    answer = client.post("/language", data={"page_language": "ru", "next": "/"}, headers={"Accept-Language": "ru"})
    assert answer.status_code == 400
    assert "Обновите её и попробуйте ещё раз" in answer.text
    assert f"{i18n.COOKIE}=" not in str(answer.headers.getlist("Set-Cookie"))


def test_caches_keep_the_languages_of_a_page_apart(client):
    headers = client.get("/", headers={"Accept-Language": "ru"}).headers
    assert headers["Content-Language"] == "ru"
    assert {"Accept-Language", "Cookie"} <= set(headers["Vary"].split(", "))
    assert "Content-Language" not in client.get("/static/tembr.css").headers


@pytest.fixture
def russian(client, choose):
    choose("ru")
    return client


def test_errors_at_fields_are_in_the_language_of_the_page(russian):
    page = russian.post("/", data={"voice": "recording", "text": "", "speed": "9"}).text
    assert "Выберите запись голоса" in page
    limit = f"{Config.MAX_TEXT_CHARACTERS:,}".replace(",", "\N{NO-BREAK SPACE}")
    assert f"Введите текст: не больше {limit} знаков." in page
    assert "Скорость должна быть от 0,5 до 2" in page


@pytest.mark.parametrize(
    ("length", "said"),
    [(61, "Слишком длинное слово: 61 знак"), (62, "62 знака"), (65, "65 знаков. Можно не больше 60")],
)
def test_russian_counts_in_three_forms(russian, length, said):
    assert said in russian.post("/dictionary", data={"word": "а" * length, "respelling": "а"}).text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("short", "В записи 1,0\N{NO-BREAK SPACE}с речи, а нужно не меньше 1,6\N{NO-BREAK SPACE}с"),
        ("silent", "Запись беззвучна"),
        ("broken", "Не удалось прочитать файл как аудио: он повреждён, или это не аудиофайл"),
    ],
)
def test_refusals_of_the_networks_are_in_the_language_of_the_page(russian, recording, kind, said):
    content = {"short": recording(1.0), "silent": recording(3.0, 0), "broken": b"RIFF no sound"}[kind]
    data = {"voice": "recording", "text": "Привет", "consent": "y", "recording": (io.BytesIO(content), "a.wav")}
    assert said in russian.post("/", data=data).text


@pytest.mark.parametrize(("address", "said"), [("/nowhere", "Такой страницы нет"), ("/dictionary/7/delete", "кнопк")])
def test_pages_of_faults_are_in_the_language_of_the_page(russian, address, said):
    assert said in russian.get(address).text


def test_numbers_and_dates_are_written_as_the_language_writes_them(app):
    from datetime import datetime

    def written(language):
        with app.test_request_context(headers={"Accept-Language": language}):
            return i18n.number(5000), i18n.number(2.25, 1), i18n.moment(datetime(2026, 5, 9, 7, 5))

    assert written("en") == ("5,000", "2.2", "9 May 2026, 07:05 UTC")
    assert written("ru") == ("5\N{NO-BREAK SPACE}000", "2,2", "9 мая 2026, 07:05 UTC")
