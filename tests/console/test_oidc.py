"""Signing in by an OpenID provider, against a tiny one of our own."""

import pytest

from sensor.console.oidc import ATTEMPT_S, OpenId, Settings
from tests.console.desks import Ticking, client, desk, filled
from tests.console.provider import CLIENT, SECRET, Provider, RSAKey


@pytest.fixture
def provider():
    """One that tells the truth, until told otherwise."""
    one = Provider()
    yield one
    one.close()


@pytest.fixture
def made(tmp_path, provider):
    """A console whose people come from it."""
    settings = Settings(
        provider.issuer, CLIENT, lambda: SECRET, {"soc": "responder", "syd": "analyst@SYD"}, "groups",
        "preferred_username", "openid profile", "Example login",
    )  # fmt: skip
    return desk(filled(tmp_path), provider=OpenId(settings, Ticking()))


def there_and_back(browser, **changed):
    """Go to the provider and come back with what it says; return the console's answer."""
    away = browser.get("/login/oidc").headers["location"]
    back = browser.get(away).headers["location"]
    for name, value in changed.items():
        back = "&".join(f"{name}={value}" if part.startswith(f"{name}=") else part for part in back.split("&"))
    return browser.get(back)


def test_who_the_provider_vouches_for_is_signed_in(made):
    """With the role that the configuration gives to a group of theirs."""
    browser = client(made)
    assert "Sign in with Example login" in browser.get("/login").text
    answer = there_and_back(browser)
    assert (303, "/incidents") == (answer.status_code, answer.headers["location"])
    ((person, how, _),) = made.sessions.people()
    assert ("kim@ex.com", {"*": "responder"}, "oidc") == (person.name, person.grants, how)
    assert "kim@ex.com" in browser.get("/incidents").text


def test_groups_may_come_from_userinfo_and_be_of_one_site(made, provider):
    """Of the same person, or nobody is signed in."""
    provider.claims, provider.userinfo = {"email": "Sid@ex.com"}, {"sub": "u1", "groups": "syd"}
    assert 303 == there_and_back(client(made)).status_code
    assert ("sid@ex.com", {"SYD": "analyst"}) == ((one := made.sessions.people()[0][0]).name, one.grants)
    provider.userinfo = {"sub": "u2", "groups": "soc"}
    assert 403 == there_and_back(client(made)).status_code


@pytest.mark.parametrize(
    "forge",
    [
        lambda claims: claims | {"groups": ["staff"]}, lambda claims: claims | {"nonce": "another"},
        lambda claims: claims | {"aud": "another"}, lambda claims: claims | {"iss": "https://evil.example"},
        lambda claims: claims | {"exp": 1}, lambda claims: {name: claims[name] for name in claims if name != "nonce"},
    ],
    ids=["no role", "nonce", "audience", "issuer", "expired", "no nonce"],
)  # fmt: skip
def test_a_token_that_does_not_hold_signs_nobody_in(made, provider, forge):
    """It says so, and no session is there."""
    provider.forge = forge
    answer = there_and_back(client(made))
    assert (403, True, []) == (answer.status_code, "Not signed in" in answer.text, made.sessions.people())


def test_a_token_signed_otherwise_signs_nobody_in(made, provider):
    """By a key that is not the provider's, or by a secret."""
    client(made).get("/login/oidc")
    provider.alg = "HS256"
    assert 403 == there_and_back(client(made)).status_code
    provider.alg = "RS256"
    assert 303 == there_and_back(client(made)).status_code
    keys = provider._keys
    stolen = keys()
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    provider._keys = lambda *_: stolen
    assert 403 == there_and_back(client(made)).status_code


def test_a_new_key_of_the_provider_is_asked_for(made, provider):
    """Without a restart."""
    assert 303 == there_and_back(client(made)).status_code
    provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    assert 303 == there_and_back(client(made)).status_code


@pytest.mark.parametrize("changed", [{"state": "x"}, {"iss": "https%3A%2F%2Fevil.example"}])
def test_an_answer_to_another_question_signs_nobody_in(made, changed):
    """Nor does one without the cookie of who asked, nor one that is forged or late."""
    assert 403 == there_and_back(client(made), **changed).status_code
    browser = client(made)
    back = browser.get(browser.get("/login/oidc").headers["location"]).headers["location"]
    assert 403 == client(made).get(back).status_code
    other = client(made)
    other.cookies.set("spanline-oidc", "eyJ9.forged")
    assert 403 == other.get(back).status_code
    made.provider._clock_s.now_s += ATTEMPT_S + 1
    assert 403 == browser.get(back).status_code


def test_what_the_provider_refuses_is_shown(made):
    """In its own short word."""
    browser = client(made)
    state = browser.get("/login/oidc").headers["location"].split("state=")[1].split("&")[0]
    answer = browser.get(f"/login/back?error=access_denied&state={state}")
    assert (403, True) == (answer.status_code, "the provider says access_denied" in answer.text)


def test_a_provider_that_is_away_or_another_is_said_to_be_so(made, provider):
    """The console goes on."""
    provider.described_as = "https://evil.example"
    assert 503 == client(made).get("/login/oidc").status_code
    provider.close()
    assert 503 == client(made).get("/login/oidc").status_code
