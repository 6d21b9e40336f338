"""What may be asked for is written once, and makes sense."""

import ast

import pytest

from app.speak.forms import SpeakForm
from config import ROOT, Config
from models import limits

RANGES = {name: value for name, value in vars(limits).items() if isinstance(value, limits.Range)}


@pytest.mark.parametrize("name", RANGES)
def test_usual_number_can_be_asked_for_and_set_by_the_slider(name):
    low, high, usual, step = RANGES[name]
    assert low <= usual <= high
    assert (usual - low) / step == pytest.approx(round((usual - low) / step))
    assert (high - low) / step == pytest.approx(round((high - low) / step))


def test_usual_bit_rate_is_one_that_can_be_asked_for():
    assert limits.USUAL_KBITS in limits.KBITS


@pytest.mark.parametrize("name", ["speed", "pitch", "pauses"])
def test_slider_of_the_page_has_the_limits(app, name):
    allowed = RANGES[name.upper()]
    with app.test_request_context():
        field = SpeakForm()[name]
    assert (field.flags.min, field.flags.max) == (allowed.low, allowed.high)
    assert (field.default, field.render_kw["step"]) == (allowed.usual, allowed.step)


def test_site_promises_no_longer_text_than_can_be_spoken():
    assert Config.MAX_TEXT_CHARACTERS <= limits.MAX_TEXT_CHARACTERS


def literal(node):
    """The value of a tuple of numbers and strings; None of any other."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def test_tuples_of_limits_stand_nowhere_else():
    written = [limits.FORMATS, limits.KBITS, limits.LANGUAGES, *((one.low, one.high) for one in RANGES.values())]
    found = []
    for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "models").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Tuple) and path.name != "limits.py":
                found += [(path.name, ast.unparse(node))] if literal(node) in written else []
    assert found == []
