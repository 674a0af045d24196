"""The audit log: whatever was changed in it is found."""

import json
import random

import pytest

from sensor.store import audit


def log_of(folder, lines=6):
    """Write a log and return its lines."""
    log = audit.AuditLog(folder)
    for k in range(lines):
        assert k == log.append(f"2026-01-01T00:00:0{k}Z", "executing", {"action": f"ACT-{k}", "by": "spanline"})
    log.close()
    return (folder / audit.LOG).read_bytes().splitlines(keepends=True)


def test_a_log_that_was_left_alone_verifies_and_goes_on(tmp_path):
    """Also after it was opened again; without a log there is nothing to find."""
    assert ([], 0) == audit.verify(tmp_path)
    log_of(tmp_path)
    again = audit.AuditLog(tmp_path)
    assert 6 == again.append("2026-01-02T00:00:00Z", "verified", {})
    again.close()

    assert ([], 7) == audit.verify(tmp_path, least=7)


def mutated(lines, draw):
    """Return the lines with one thing changed, and what was done."""
    kind = draw.choice(["byte", "line gone", "swapped", "cut", "cut inside", "twice", "number"])
    lines = list(lines)
    k = draw.randrange(len(lines))
    if kind == "byte":
        line = bytearray(lines[k])
        at = draw.randrange(len(line))
        line[at] ^= draw.randrange(1, 256)
        lines[k] = bytes(line)
    elif kind == "line gone":
        del lines[k]
    elif kind == "swapped":
        other = (k + draw.randrange(1, len(lines))) % len(lines)
        lines[k], lines[other] = lines[other], lines[k]
    elif kind == "cut":
        lines = lines[:k]
    elif kind == "cut inside":
        lines = [*lines[:k], lines[k][: draw.randrange(len(lines[k]))]]
    elif kind == "twice":
        lines.insert(k, lines[k])
    else:
        entry = json.loads(lines[k])
        entry["body"]["by"] = "somebody"
        lines[k] = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
    return b"".join(lines), kind


def found_of(folder, lines, rounds):
    """Count what is found of so many random changes; return those that were not."""
    draw = random.Random(0)
    missed = []
    for _ in range(rounds):
        content, kind = mutated(lines, draw)
        if content == b"".join(lines):
            continue
        (folder / audit.LOG).write_bytes(content)
        problems, _ = audit.verify(folder)
        if not problems:
            missed.append(kind)
    return missed


def test_every_change_is_found(tmp_path):
    """Edits, deletions, reorderings, truncations and repetitions, drawn at random."""
    assert [] == found_of(tmp_path, log_of(tmp_path), 500)


@pytest.mark.slow
def test_ten_thousand_changes_are_found(tmp_path):
    """The same at the length that a release is held to."""
    assert [] == found_of(tmp_path, log_of(tmp_path), 10_000)


def test_a_log_and_a_head_of_an_older_copy_are_found_by_what_actions_name(tmp_path):
    """Both verify by themselves; the state knows of more lines."""
    log_of(tmp_path, 3)
    older = (tmp_path / audit.LOG).read_bytes(), (tmp_path / audit.HEAD).read_bytes()
    log = audit.AuditLog(tmp_path)
    log.append("2026-01-02T00:00:00Z", "verified", {})
    log.close()
    (tmp_path / audit.LOG).write_bytes(older[0])
    (tmp_path / audit.HEAD).write_bytes(older[1])

    assert ([], 3) == audit.verify(tmp_path, least=3)
    assert ["the log ends after 3 lines, and actions name line 3: it was cut"] == audit.verify(tmp_path, least=4)[0]


def test_another_key_is_found(tmp_path):
    """A whole log written anew by somebody who has not the installation's key, checked against a copy of it."""
    log_of(tmp_path / "a")
    log_of(tmp_path / "b")

    assert [] == audit.verify(tmp_path / "a", public=tmp_path / "a" / audit.PUBLIC)[0]
    problems, _ = audit.verify(tmp_path / "b", public=tmp_path / "a" / audit.PUBLIC)
    assert ["line 1: its signature is not the installation's"] == problems


def test_a_program_killed_between_line_and_head_goes_on(tmp_path):
    """The log is one line ahead of its head, which is no damage; two lines are."""
    log_of(tmp_path, 2)
    head = (tmp_path / audit.HEAD).read_bytes()
    log = audit.AuditLog(tmp_path)
    log.append("2026-01-02T00:00:00Z", "verified", {})
    (tmp_path / audit.HEAD).write_bytes(head)
    assert ([], 3) == audit.verify(tmp_path)
    log.append("2026-01-02T00:00:01Z", "verified", {})
    log.close()
    (tmp_path / audit.HEAD).write_bytes(head)
    assert ["audit.head is of another log"] == audit.verify(tmp_path)[0]


def test_a_damaged_log_takes_no_more_lines(tmp_path):
    """Nothing is built on what does not verify; nor without the key."""
    lines = log_of(tmp_path)
    (tmp_path / audit.LOG).write_bytes(b"".join(lines[:-1]))
    with pytest.raises(ValueError, match="it was cut"):
        audit.AuditLog(tmp_path)
    (tmp_path / audit.KEY).unlink()
    with pytest.raises(ValueError, match="is missing"):
        audit.AuditLog(tmp_path)
