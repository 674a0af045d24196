"""The archive's list of files."""

from sensor.store.manifest import UNSTAMPED, ArchiveFile, Facts, digest_of, folder_of
from sensor.store.state import State
from tests.store.test_state import commit


def file(number, **more):
    given = {
        "path": f"flows/site=s/dt=d/hr=0/{number}", "table": "flows", "place": "site=s/dt=d/hr=0", "level": 0,
        "taken_ns": number + 9, "first_ns": number, "last_ns": number + 5, "count": 3, "size_bytes": 10,
    }  # fmt: skip
    return ArchiveFile(**(given | more))


def test_a_file_is_listed_from_the_commit_on(tmp_path):
    """Added and dropped with it, its seal with it; facts come back."""
    with State(tmp_path) as state:
        state.manifest.add(file(1), digest_of(b"bytes"))
        assert [] == state.manifest.files()
        assert [file(1)] == state.manifest.files(pending=True)
        state.manifest.set_facts(Facts(next_n=7))
        commit(state)
    with State(tmp_path) as state:
        assert ([file(1)], [], 7) == (
            state.manifest.files("flows"), state.manifest.files("arp"), state.manifest.facts.next_n,
        )  # fmt: skip
        state.manifest.drop([file(1).path])
        assert [file(1)] == state.manifest.files()
        commit(state)
        assert ([], None, 7) == (
            state.manifest.files(), state.seals.held("file", file(1).path), state.manifest.facts.next_n,
        )  # fmt: skip
        assert state.seals.chain_fault() is None


def test_a_dropped_file_waits_for_its_readers(tmp_path):
    """It is handed out for deletion some commits later, and at once when nobody can read it any more."""
    with State(tmp_path) as state:
        state.manifest.add(file(1), digest_of(b""))
        commit(state)
        state.manifest.drop([file(1).path])
        commit(state)
        assert ([], {file(1).path}) == (state.manifest.take_gone(), state.manifest.known())
        assert ([file(1).path], set()) == (state.manifest.take_gone(0), state.manifest.known())


def test_a_file_dropped_before_its_commit_never_was(tmp_path):
    """It is handed out for deletion, and not listed."""
    with State(tmp_path) as state:
        state.manifest.add(file(1), digest_of(b""))
        state.manifest.drop([file(1).path])
        commit(state)
        assert ([], [file(1).path]) == (state.manifest.files(), state.manifest.take_gone())


def test_a_file_is_stamped_with_its_commit(tmp_path):
    """Only where it is not known when its rows were taken in; the seal covers it."""
    with State(tmp_path) as state:
        state.manifest.add(file(1, taken_ns=UNSTAMPED), digest_of(b"x"))
        state.manifest.add(file(2), digest_of(b"y"))
        state.manifest.stamp(77)
        commit(state)

        assert [77, 11] == [one.taken_ns for one in state.manifest.files()]
        assert state.seals.held("file", file(1).path) == state.manifest.seal(file(1, taken_ns=77), digest_of(b"x"))
        assert state.seals.held("file", file(1).path) != state.manifest.seal(file(1, taken_ns=77), digest_of(b"z"))


def test_sizes_and_crowds_are_told(tmp_path):
    """Bytes and the oldest time of all; partitions that hold many small files of one level."""
    with State(tmp_path) as state:
        for number in range(4):
            one = file(number, count=3 if number else 1000)
            state.manifest.add(one, digest_of(b""))
        assert (40, 9) == state.manifest.size()
        commit(state)
        assert (40, 9) == state.manifest.size()
        assert [[file(1), file(2), file(3)]] == state.manifest.crowded(3, 10)
        assert [] == state.manifest.crowded(4, 10)
    assert tmp_path / "archive" == folder_of(tmp_path)
