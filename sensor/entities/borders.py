"""Which countries are so near each other that an address placed in one may be of somebody in the other.

Land borders, and narrow waters that people commute across or whose addresses are often placed on the other side. By ISO
3166-1 alpha-2 code, as of CIA World Factbook, "Land boundaries"; each pair once. Not here: how far cities are.
"""

_NEAR = """
AD:ES FR|AE:OM SA QA BH IR|AF:CN IR PK TJ TM UZ|AL:GR ME MK XK IT|AM:AZ GE IR TR|AO:CD CG NA ZM|AR:BO BR CL PY UY
AT:CH CZ DE HU IT LI SI SK|AZ:GE IR RU TR|BA:HR ME RS|BB:LC VC GD|BD:IN MM|BE:DE FR LU NL GB|BF:BJ CI GH ML NE TG
BG:GR MK RO RS TR|BH:SA QA KW|BI:CD RW TZ|BJ:NE NG TG|BN:MY|BO:BR CL PE PY|BR:CO GF GY PE PY SR UY VE
BS:US|BT:CN IN|BW:NA ZA ZM ZW|BY:LT LV PL RU UA|BZ:GT MX|CA:US|CD:CF CG RW SS TZ UG ZM|CF:CG CM SD SS TD|CG:CM GA
CH:DE FR IT LI|CI:GH GN LR ML|CL:PE|CM:GA GQ NG TD|CN:HK IN KG KP KZ LA MM MN MO NP PK RU TJ VN TW KR|CO:EC PA PE VE
CR:NI PA|CU:US HT JM|CY:TR GR LB SY IL|CZ:DE PL SK|DE:DK FR LU NL PL SE|DJ:ER ET SO YE|DK:SE NO|DO:HT PR|DZ:LY MA ML
DZ:MR NE TN EH|EC:PE|EE:FI LV RU SE|EG:IL LY PS SD SA JO|ER:ET SD YE SA|ES:FR GI MA PT DZ|ET:KE SD SO SS|FI:NO RU SE
FR:IT LU MC GB JE GG|GA:GQ|GB:IE IM JE GG NL NO|GE:RU TR|GH:TG|GM:SN|GN:GW LR ML SL SN|GR:MK TR IT|GT:HN MX SV|GW:SN
GY:SR VE|HK:MO|HN:NI SV|HR:HU ME RS SI IT|HU:RO RS SI SK UA|ID:MY PG TL SG|IL:JO LB PS SY|IN:MM NP PK LK|IQ:IR JO KW
IQ:SA SY TR|IR:PK TM TR KW QA|IT:SI SM VA MT TN MC|JM:HT|JO:PS SA SY|JP:KR RU|KE:SO SS TZ UG|KG:KZ TJ UZ|KH:LA TH VN
KP:KR RU|KW:SA|KZ:RU TM UZ|LA:MM TH VN|LB:SY|LI:DE|LR:SL|LS:ZA|LT:LV PL RU|LU:NL|LV:RU|LY:NE SD TD TN|MA:EH GI|MD:RO UA
ME:RS XK|MK:RS XK|ML:MR NE SN|MM:TH|MN:RU|MR:SN EH|MT:TN|MW:MZ TZ ZM|MX:US|MY:SG TH PH|MZ:SZ TZ ZA ZM ZW|NA:ZA ZM
NE:NG TD|NL:GB|NO:RU SE|OM:SA YE|PL:RU SK UA SE|PR:US VI|PS:JO|QA:SA|RO:RS UA|RS:XK|RU:UA US|RW:TZ UG|SA:YE|SD:SS TD
SK:UA|SS:UG|SY:TR|SZ:ZA|TJ:UZ|TM:UZ|TT:VE GD|TW:HK|TZ:UG ZM|UG:KE|ZA:ZW|ZM:ZW
"""


def _pairs() -> frozenset[tuple[str, str]]:
    found = set()
    for entry in _NEAR.replace("\n", "|").split("|"):
        one, _, others = entry.partition(":")
        for other in others.split():
            found |= {(one, other), (other, one)}
    return frozenset(found)


_PAIRS = _pairs()
COUNTRIES = frozenset(code for pair in _PAIRS for code in pair) | frozenset(
    [
        "AU",
        "NZ",
        "IS",
        "IE",
        "MG",
        "MU",
        "SC",
        "CV",
        "KM",
        "FJ",
        "PH",
        "LK",
        "MV",
        "GL",
        "FO",
        "BM",
        "CW",
        "AW",
        "GP",
        "MQ",
        "RE",
        "NC",
        "PF",
        "GU",
        "KY",
        "TC",
        "AG",
        "DM",
        "KN",
        "VC",
        "GD",
        "LC",
        "WS",
        "TO",
        "VU",
        "SB",
        "ST",
    ]
)
"""Codes that are known here; of any other nothing is said."""


def apart(one: str, other: str) -> bool:
    """Tell whether two countries are known, different, and not near each other."""
    return one != other and one in COUNTRIES and other in COUNTRIES and (one, other) not in _PAIRS
