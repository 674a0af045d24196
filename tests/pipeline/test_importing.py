"""Files that somebody brings: in order, each once, also by a process that is killed at any moment."""

import os

import msgspec
import pytest

from sensor.pipeline.importing import import_files
from sensor.pipeline.unbundling import Trust
from tests.pipeline.bundle_post import Hub, Post
from tests.wire.bundles_made import KEYS


@pytest.fixture
def post(tmp_path):
    """What SYD sends."""
    return Post(tmp_path / "in")


def held(tmp_path):
    hub = Hub(tmp_path / "hub")
    try:
        return [sequence for _, sequence in hub.held()]
    finally:
        hub.close()


def test_files_and_folders_are_taken_in_order(tmp_path, post):
    """Each file once, however often it is named; what is missing is listed with its command."""
    paths = [post.send(7, 8), post.send(1, 2), post.send(3, 4)]
    done = import_files(tmp_path / "hub", Trust(KEYS), [paths[0], post.folder, paths[1]], takes=True)

    assert [1, 3, 7] == [one.first for one in done.files]
    assert [("SYD", 5, 6)] == [(one.site, one.first, one.last) for one in done.missing]
    assert done.missing[0].fill.endswith("--from 5 --to 6")
    assert [1, 2, 3, 4, 7, 8] == held(tmp_path)


def test_a_check_makes_no_inbox(tmp_path, post):
    """It may be done on a machine that is no hub."""
    post.send(1, 2)
    done = import_files(tmp_path / "hub", Trust(KEYS), [post.folder], takes=False)

    assert (["known"], False) == ([one.outcome for one in done.files], (tmp_path / "hub").exists())


def test_a_name_may_be_any_bytes(tmp_path, post):
    """What is said of the file can be written as JSON all the same."""
    content = post.bytes(1, 2)
    path = os.fsencode(post.folder) + b"/\xff\n.bundle"
    with open(path, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(content)
    done = import_files(tmp_path / "hub", Trust(KEYS), [post.folder], takes=True)

    assert (["taken"], True) == ([one.outcome for one in done.files], b"udcff" in msgspec.json.encode(done))
