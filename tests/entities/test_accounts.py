"""One row for one account, however it is spelled."""

import pytest

from sensor.entities import accounts as module
from sensor.entities.accounts import Accounts


def given(*sightings):
    """Return the accounts after sightings of (name, id)."""
    accounts = Accounts()
    rows = [accounts.sight(name, k, 0, "x", identity) for k, (name, identity) in enumerate(sightings)]
    return accounts, rows


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["ann@example", "ann@example.com"], [0, 0]),
        (["ann@example.com", "ann@example"], [0, 0]),
        (["ann@example.com", "ann@example.org"], [0, 1]),
        (["ann@example", "ann@example.com", "ann@example.org"], [0, 0, 1]),
        (["ann@example.com", "ann@example.org", "ann@example"], [0, 1, 2]),
        (["ann", "ann@example.com"], [0, 0]),
        (["ann@a.com", "ann@b.com", "ann"], [0, 1, 2]),
        (["ann@pc1", "ann@pc2"], [0, 1]),
        (["ann@a.com", "bob@a.com"], [0, 1]),
        (["ann@example.local", "ann@example.com.au"], [0, 0]),
        (["ann@example.com.au", "ann@corp.example.local", "ann@example"], [0, 0, 0]),
        (["ann@example.local", "ann@other.com"], [0, 1]),
        (["ann@com.local", "ann@example.com"], [0, 1]),
        (["ann@example.local", "ann@example.lan"], [0, 1]),
        (["ann@ad.example.com", "ann@example.com"], [0, 0]),
        (["ann@example.com", "ann@ad.example.com", "ann@eu.example.com"], [0, 0, 1]),
        (["ann@example.com", "ann@myexample.com"], [0, 1]),
        (["ann@example.com", "ann@example.org", "ann@example.local"], [0, 1, 2]),
    ],
)
def test_spellings_of_one_account_meet_and_others_do_not(names, rows):
    """A NetBIOS realm and a directory's meet the only full one of that name; two of the internet never do."""
    assert rows == given(*((name, None) for name in names))[1]


@pytest.mark.parametrize("names", [("ann@ad.example.com", "ann@example.com"), ("ann@example.local", "ann@example.com")])
def test_the_providers_spelling_is_shown(names):
    """Whichever was met first: the realm of a directory is nobody's address."""
    assert "ann@example.com" == given(*((name, None) for name in names))[0].rows[0].name


def test_a_tenants_domains_may_name_its_directory():
    """A realm that nobody owns on the internet, listed with the tenant's domain; two of the internet stay apart."""
    accounts = Accounts({"example.com": "t", "acme.local": "t", "acme.org": "t", "other.com": "u"})

    assert [0, 0, 1, 2] == [
        accounts.sight(f"ann@{realm}", 1, 0, "x") for realm in ("acme.local", "example.com", "acme.org", "other.com")
    ]


def test_two_realms_of_a_provider_are_two_peoples():
    """Students below the university's own domain; Kerberos knows the university's realm alone."""
    accounts = Accounts()
    sightings = (
        ("ann@example.edu", "entra", "id-1"), ("ann@students.example.edu", "entra", "id-2"),
        ("bob@example.edu", "entra", "id-3"), ("bob@ad.example.edu", "kerberos", None),
        ("eve@ad.example.edu", "kerberos", None), ("eve@example.edu", "entra", "id-4"),
        ("dan@example.edu", "entra", "id-5"), ("dan@students.example.edu", "kerberos", None),
    )  # fmt: skip
    rows = [accounts.sight(name, 1, 0, source, identity) for name, source, identity in sightings]
    other = Accounts()
    other.load(accounts.save())

    assert [0, 1, 2, 2, 3, 3, 4, 5] == rows
    assert 6 == other.sight("cat@example.edu", 1, 0, "entra", "id-6")
    assert 7 == other.sight("cat@students.example.edu", 1, 0, "kerberos")


def test_an_identity_providers_id_decides():
    """The same id under another name is the same account; the fullest name is shown."""
    accounts, rows = given(("ann", "id-1"), ("ann.smith@example.com", "id-1"), ("ann.smith@example.com", None))

    assert [0, 0, 0] == rows
    assert "ann.smith@example.com" == accounts.rows[0].name
    assert ["ann", "ann.smith@example.com"] == accounts.rows[0].forms


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pc1$@example", "machine"), ("krbtgt@example", "service"), ("svc-backup@example", "service"),
     ("msol_0123abcd@example", "service"), ("ann@example", "user"), ("susan-lee@example", "user")],
)  # fmt: skip
def test_machines_and_services_are_told_from_users(name, kind):
    """By the dollar, by reserved names and by administrators' affixes."""
    assert kind == given((name, None))[0].rows[0].kind


def test_a_name_that_was_only_tried_makes_no_account(monkeypatch):
    """Guessers cannot fill the table, and what is beyond its limit is counted."""
    accounts = Accounts()
    monkeypatch.setattr(module, "LIMIT", 1)

    assert [-1, 0, 0, -1] == [
        accounts.sight("eve", 1, 0, "x", is_proven=False), accounts.sight("ann", 1, 0, "x"),
        accounts.sight("ann", 2, 0, "x", is_proven=False), accounts.sight("bob", 3, 0, "x"),
    ]  # fmt: skip
    assert (1, 2) == (accounts.refused, accounts.rows[0].sightings)


def test_save_and_load_is_identity():
    """A loaded table answers as the saved one does."""
    accounts, _ = given(("ann@example.com", "id-1"), ("pc1$@example", None))
    other = Accounts()
    other.load(accounts.save())

    assert accounts.rows == other.rows
    assert [0, 0, 1, 2] == [
        other.sight("ann@example", 9, 0, "x"), other.sight("x", 9, 0, "x", "id-1"),
        other.sight("pc1$@example", 9, 0, "x"), other.sight("new", 9, 0, "x"),
    ]  # fmt: skip
    assert [0] == other.alike("ann@elsewhere")


def test_a_name_that_very_many_have_means_nobody_by_itself(monkeypatch):
    """A whole spelling still does; a name longer than any makes no account, which is counted."""
    monkeypatch.setattr(module, "ALIKE_MAX", 3)
    accounts = Accounts()
    for k in range(9):
        accounts.sight(f"administrator@site{k}.example", 0, 0, "ntlm")
    accounts.sight("administrative", 0, 0, "ntlm")
    bare = accounts.sight("administrator", 0, 0, "ntlm")

    assert (10, 10, 8) == (bare, accounts.find("administrator"), accounts.find("administrator@site8.example"))
    assert [9] == accounts.alike("administrative")
    assert (-1, 1) == (accounts.sight("a" * (module.FORM_MAX + 1), 0, 0, "ntlm"), accounts.refused)


def test_a_pseudonym_and_who_it_stands_for_are_one_where_the_key_is_known():
    """Whichever is met first; the real name is shown, and other spellings of it are it, too."""
    from sensor.entities.accounts import Accounts
    from sensor.model.pseudonyms import Pseudonyms

    stands = Pseudonyms(bytes(range(32))).account
    for spellings in (("ann@ex.com", "ann"), ("ann", "ann@ex.com")):
        held = Accounts()
        held.alias = stands
        assert 0 == held.sight(stands("ann@ex"), 1, 0, "kerberos")
        assert [0, 0] == [held.sight(form, 2, 0, "entra") for form in spellings]
        assert ("ann@ex.com", 0, 1) == (held.rows[0].name, held.find(stands("ann@ex")), len(held))
        assert 1 == held.sight("bob@ex.com", 3, 0, "entra")
    plain = Accounts()
    assert [0, 1] == [plain.sight(form, 1, 0, "entra") for form in (stands("ann@ex"), "ann@ex")]
