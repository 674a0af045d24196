"""What a sign-in was made with, as far as its agent says, through all versions of it; and whether it is handheld.

Where a record has no user agent, the operating system and the client's kind stand for it. Not here: whether an agent
lies; whoever copies the account's own is not new to it.
"""

import re
from functools import lru_cache

_VERSION = re.compile(r"[/ ]?v?\d[\w.\-]*")
_HANDHELD = re.compile(
    r"iphone|ipad|ipod|android|\bmobile\b|\bios\b|ipados|dalvik|okhttp|cfnetwork|darwin/|windows phone|harmonyos"
    r"|outlook-ios|outlookmobile|\bwatch"
)
"""Phones, tablets and what their apps call themselves (MDN, "Browser detection using the user agent")."""
TEXT_MAX = 1024
"""Characters looked at."""


@lru_cache(maxsize=1 << 16)
def agent_of(user_agent: str | None, system: str | None, client: str | None) -> tuple[str | None, bool]:
    """Return the agent's words without versions, None where nothing is said; and whether it is handheld."""
    text = (user_agent or "").strip().lower()[:TEXT_MAX]
    about = (system or "").strip().lower()[:TEXT_MAX]
    handheld = bool(_HANDHELD.search(text) or _HANDHELD.search(about))
    if not text and about:
        text = f"{about} {(client or '').strip().lower()[:TEXT_MAX]}"
    words = _VERSION.sub("", text).strip()
    return words or None, handheld
