"""Pages stay quick however much is kept: what they ask of the database and send does not grow with it.

Counted, not timed: benchmarks/pages.py measures the times.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import event

from app.db import db
from benchmarks.pages import PAGES, fill

FEW, MANY = (60, 60), (300, 600)  # voices, speeches
MAX_ROWS = 110
MAX_BYTES = 60_000  # from the database
MAX_PAGE = 100_000  # bytes of a page
WITH_NEAREST = "/voices/7"  # looks at the id and the key of every voice


@dataclass
class Asked:
    """Of the database, by one page."""

    n_queries: int = 0
    n_rows: int = 0
    n_bytes: int = 0
    page: int = 0  # bytes

    def query(self, *_arguments) -> None:
        self.n_queries += 1

    def row(self, _cursor, row: tuple) -> tuple:
        self.n_rows += 1
        self.n_bytes += sum(len(value) for value in row if isinstance(value, (str, bytes)))
        return row


@contextmanager
def counted(app):
    """Counts the queries and rows of the block."""
    asked = Asked()

    def watch(connection, *_arguments):
        connection.row_factory = asked.row

    def forget(connection, *_arguments):
        connection.row_factory = None

    with app.app_context():
        engine = db.engine
    listeners = (("before_cursor_execute", asked.query), ("checkout", watch), ("checkin", forget))
    for name, listener in listeners:
        event.listen(engine, name, listener)
    yield asked
    for name, listener in listeners:
        event.remove(engine, name, listener)


def _asked(app):
    """What each page asks for when it is shown a second time."""
    found = {}
    for address in PAGES:
        if "page=" in address:
            address = address.split("=")[0] + "=3"
        app.test_client().get(address)
        with counted(app) as asked:
            answer = app.test_client().get(address)
        assert answer.status_code == 200, address
        asked.page = len(answer.data)
        found[address] = asked
    return found


@pytest.fixture
def site(make_app, tmp_path):
    """Makes a site with so many voices and speeches."""

    def make(n_voices, n_speeches):
        app = make_app(INSTANCE=tmp_path / f"{n_voices} voices")
        with app.app_context():
            fill(n_voices, n_speeches)
        return app

    return make


def test_no_page_asks_for_more_when_more_is_kept(site):
    few, many = _asked(site(*FEW)), _asked(site(*MANY))
    assert {page: asked.n_queries for page, asked in many.items()} == {
        page: asked.n_queries for page, asked in few.items()
    }
    assert {page: asked.n_queries for page, asked in many.items() if asked.n_queries > 15} == {}
    many[WITH_NEAREST].n_rows -= MANY[0]
    assert {page: asked.n_rows for page, asked in many.items() if asked.n_rows > MAX_ROWS} == {}
    assert {page: asked.n_bytes for page, asked in many.items() if asked.n_bytes > MAX_BYTES} == {}
    assert {page: asked.page for page, asked in many.items() if asked.page > MAX_PAGE} == {}


def test_voices_page_reads_no_profile(site):
    app = site(*FEW)
    read = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *arguments: read.append(arguments[2]))
    for address in ("/", "/voices", "/voices?q=7", "/voices/choices?find=7"):
        app.test_client().get(address)
    read = [query for query in read if not query.startswith("SELECT count(*)")]  # which reads no column
    assert read and not [query for query in read if re.search(r"\bvoice\.profile\b", query)]


def test_counter_counts(site):
    app = site(3, 1)
    with counted(app) as asked, app.app_context():
        db.session.execute(db.text("SELECT name, 1 FROM voice")).all()
    assert (asked.n_queries, asked.n_rows, asked.n_bytes) == (1, 3, 3 * len("Голос 0"))
