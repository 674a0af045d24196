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
        entry.setdefault("body", {})["by"] = "somebody"
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


def test_several_processes_add_lines_one_at_a_time(tmp_path):
    """Each goes on behind what the other wrote; none is lost."""
    logs = [audit.AuditLog(tmp_path) for _ in range(3)]
    numbers = [log.append("2026-01-01T00:00:00Z", "revealed", {"by": str(k)}) for k in range(4) for log in logs]
    for log in logs:
        log.close()
    assert (list(range(12)), ([], 12)) == (numbers, audit.verify(tmp_path, least=12))


def test_what_lines_say_of_a_person_is_taken_out_and_the_chain_holds(tmp_path):
    """A line says which; a log that was open goes on behind; nothing of it is left to be guessed from."""
    log_of(tmp_path)
    log, other = audit.AuditLog(tmp_path), audit.AuditLog(tmp_path)
    assert (1, 3) == other.take_out(
        "2026-01-02T00:00:00Z", {"why": "erased"}, lambda line: b"ACT-1" in line or b"ACT-3" in line
    )
    assert () == other.take_out("2026-01-02T00:00:00Z", {}, lambda line: b"ACT-1" in line)
    assert 7 == log.append("2026-01-03T00:00:00Z", "executing", {"action": "ACT-9"})
    log.close()
    other.close()

    lines = [json.loads(line) for line in (tmp_path / audit.LOG).read_bytes().splitlines()]
    assert ([], 8) == audit.verify(tmp_path, least=8)
    assert [1, 3] == [n for n, line in enumerate(lines) if "body" not in line]
    assert {"why": "erased", "lines": [1, 3]} == lines[6]["body"]
    assert "salt" not in lines[1]


def test_a_body_that_somebody_else_took_out_is_found(tmp_path):
    """Without a line that says so, with a line put back, and by every change to such a line."""
    log_of(tmp_path)
    whole = (tmp_path / audit.LOG).read_bytes()
    log = audit.AuditLog(tmp_path)
    log.take_out("2026-01-02T00:00:00Z", {}, lambda line: b"ACT-2" in line)
    log.close()
    bare = (tmp_path / audit.LOG).read_bytes().splitlines(keepends=True)

    assert [] == found_of(tmp_path, bare, 500)
    lines = whole.splitlines(keepends=True)
    (tmp_path / audit.LOG).write_bytes(b"".join([*lines[:2], bare[2], *lines[3:]]))
    assert ["line 3: its body is gone, and no line says so"] == audit.verify(tmp_path)[0]


def test_a_process_that_died_between_saying_and_taking_is_made_good(tmp_path):
    """Until then the log verifies; the next time the body goes."""
    log_of(tmp_path)
    log = audit.AuditLog(tmp_path)
    log.append("2026-01-02T00:00:00Z", audit.TAKEN_OUT, {"lines": [4]})
    assert ([], 7) == audit.verify(tmp_path)
    assert (4,) == log.take_out("2026-01-02T00:00:00Z", {}, lambda _line: False)
    log.close()
    assert ([], b"ACT-4") == (
        audit.verify(tmp_path)[0],
        (b"ACT-4" if b"ACT-4" not in (tmp_path / audit.LOG).read_bytes() else b""),
    )


def test_a_key_that_was_not_written_whole_is_none(tmp_path):
    """The process died as it made it: the next makes one, readable by its owner only."""
    (tmp_path / f"{audit.KEY}.new").write_text("0011")
    log_of(tmp_path)
    mode = (tmp_path / audit.KEY).stat().st_mode & 0o777
    assert ([], 0o600, False) == (audit.verify(tmp_path)[0], mode, (tmp_path / f"{audit.KEY}.new").exists())
