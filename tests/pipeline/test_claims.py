"""Records that several feeds claim, and when the state knows them."""

from sensor.pipeline.claims import Claims
from sensor.store.state import State


def test_a_record_is_one_feeds_only_and_known_once_committed(tmp_path):
    """What two feeds give is the first one's; nothing is in the database before the commit."""
    with State(tmp_path) as state:
        claims = Claims(state.ledger)
        first, second = claims.of_feed(), claims.of_feed()
        given = [first.add_record("idp", b"1"), second.add_record("idp", b"1"), second.add_record("idp", b"2")]
        taken = first.take() + second.take()
        with State(tmp_path, readonly=True) as beside:
            before = beside.ledger.knows(taken[0])
        claims.commit(taken)
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={})
        claims.release(taken)

        assert [True, False, True] == given
        assert (2, False, []) == (len(taken), before, first.take())
        assert [True, True] == [state.ledger.knows(one) for one in taken]
        assert not claims.held
        assert not first.add_record("idp", b"2")


def test_a_claim_that_is_never_committed_is_gone_with_the_process(tmp_path):
    """The next process takes the record in: it is in no state."""
    with State(tmp_path) as state:
        Claims(state.ledger).of_feed().add_record("idp", b"1")
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={})
    with State(tmp_path) as state:
        assert Claims(state.ledger).of_feed().add_record("idp", b"1")


def test_blocks_pass_through(tmp_path):
    """A feed's blocks are the ledger's own."""
    with State(tmp_path) as state:
        feed = Claims(state.ledger).of_feed()
        feed.remember("S", 5, b"a", 10, 3)
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={})
        assert ([10], 3, state.ledger.key) == (feed.lengths("S", 5), feed.records("S", 5, b"a"), feed.key)
