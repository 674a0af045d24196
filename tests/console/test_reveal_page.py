"""Revealing on a page."""

from sensor.model.pseudonyms import Pseudonyms
from sensor.store import audit, pseudonym_key
from tests.console.desks import post, signed_in


def test_an_admin_is_told_with_a_reason(made):
    """After the log has it; nobody else is, and nobody without a reason."""
    name = Pseudonyms(pseudonym_key.own(made.folder)).account("ann@ex.com")
    adam = signed_in(made, "adam")
    assert 200 == adam.get("/reveal").status_code
    answer = post(adam, "/reveal", pseudonym=name, reason="case 1")
    assert (200, True, ([], 1)) == (answer.status_code, "ann@ex.com" in answer.text, audit.verify(made.folder))
    assert b'"by":"user:adam"' in (made.folder / audit.LOG).read_bytes()

    refused = [post(adam, "/reveal", pseudonym=name, reason=" "), post(adam, "/reveal", pseudonym="ann", reason="x")]
    refused += [post(signed_in(made, who), "/reveal", pseudonym=name, reason="x") for who in ("vera", "rose", "sid")]
    assert [400, 409, 403, 403, 403] == [one.status_code for one in refused]
    assert 1 == audit.verify(made.folder)[1]
