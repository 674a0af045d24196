"""Colours that the colour-blind tell apart, and what each stands for, the same on every dashboard.

Okabe and Ito 2008, "Color Universal Design", https://jfly.uni-koeln.de/color/. Blue against orange and vermillion
stays apart in every kind of colour blindness, where green against red does not: so nothing here is green for well. The
two darkest of the eight (blue, black) are left out: on Grafana's dark ground they are hard to see from afar.
"""

SKY, GREEN, YELLOW, ORANGE, VERMILLION, PURPLE = "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7"
GREY, PALE = "#8E8E8E", "#C7C7C7"
WELL, WATCH, BAD, QUIET = SKY, ORANGE, VERMILLION, GREY
TIER = {"page": BAD, "triage": WATCH, "digest": SKY}
VERDICT = {"contradicted": BAD, "unsupported": WATCH, "unknown": GREY, "supported": SKY}
LEARNING = {"ready": SKY, "learning": YELLOW, "stale": GREY}
RESULT = {"success": SKY, "failure": ORANGE, "interrupt": PURPLE}
MFA = {"satisfied": SKY, "denied": VERMILLION, "timed_out": ORANGE, "none": PALE, "unknown": GREY}
STAGE = {"read": SKY, "resolve": GREEN, "score": ORANGE, "learn": PURPLE, "link": YELLOW, "commit": PALE}
SERIES = (SKY, ORANGE, GREEN, PURPLE, YELLOW, VERMILLION, PALE, GREY)
"""Of series without a meaning of their own, in this order."""
