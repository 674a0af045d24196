"""The log of `run`: one JSON object a line, and no message again and again."""

import json
import logging

from sensor.cli.logs import KINDS_MAX, REPEAT_S, JsonLines, Repeats, TextLines


def record(text, *words, line=1, level=logging.WARNING):
    """Make a log record."""
    return logging.LogRecord("sensor.x", level, "x.py", line, text, words, None)


def test_a_line_is_one_json_object_with_a_field_for_each_word():
    """A value with a line end or a quote in it makes no second line and no second field."""
    line = JsonLines().format(record('source down source=%s why="%s"', "a", 'x\n{"level": "error"}'))
    found = json.loads(line)

    assert "\n" not in line
    assert ("warning", "sensor.x", "a") == (found["level"], found["logger"], found["source"])
    assert found["ts"].endswith("Z")
    assert 'source down source=a why="x\n{"level": "error"}"' == found["event"]


def test_text_escapes_what_would_break_a_line_or_colour_a_terminal():
    """Escape sequences and line ends are written out."""
    assert "WARNING sensor.x a\\x1b[31m\\nb" == TextLines().format(record("a\x1b[31m\nb"))


def test_a_message_comes_once_in_a_while_with_how_many_were_left_out():
    """Another text of the same place is another message; what is remembered is bounded."""
    now = [0.0]
    repeats = Repeats(lambda: now[0])
    passed = [repeats.filter(record("a %s", 1)), repeats.filter(record("a %s", 1)), repeats.filter(record("a %s", 2))]
    now[0] = REPEAT_S
    later = record("a %s", 1)
    assert [True, False, True, True] == [*passed, repeats.filter(later)]
    assert 1 == json.loads(JsonLines().format(later))["repeated"]
    for number in range(2 * KINDS_MAX):
        repeats.filter(record(str(number)))
    assert KINDS_MAX == len(repeats._seen)
