"""Twin of sensor/detectors/first_contacts.py: one flow after the other, by its docstring."""

FAILED, MADE = {"S0", "REJ", "RSTOS0", "SH"}, {"S1", "SF", "S2", "S3", "RSTO", "RSTR"}
TCP, UDP, ECHO, NONE = 0, 1, 2, 255


def one_sided(history):
    """Whether one side went on as only an answer of the other, which is not there, lets it."""
    lower = [letter for letter in history if letter.islower()]
    upper = [letter for letter in history if letter.isupper()]
    originator = not lower and {"S", "H"} & set(upper) and {"A", "D"} & set(upper)
    responder = not upper and {"s", "h"} & set(lower) and {"a", "d"} & set(lower)
    return bool(originator or responder)


def judge(flows, states, sides, fresh):
    """(walk, outcome, two-way, one-sided) of each flow; `sides` holds (sent, replied, single, single) of each."""
    found = []
    for flow, (sent, replied, *singles), first in zip(flows, sides, fresh, strict=True):
        proto, state, history = int(flow["proto"]), states[flow["conn_state"]], flow["history"].decode()
        whole = int(flow["resp_hi"]) << 64 | int(flow["resp_lo"])
        broadcast = whole >> 32 == 0xFFFF and whole & 0xFF == 0xFF
        walk, outcome, alone = NONE, -1, proto == 6 and one_sided(history)
        if proto == 6 and all(singles):
            walk = TCP
            if "S" in history or not history:
                outcome = 0 if state in MADE else 1 if state in FAILED else -1
        elif all(singles) and not broadcast and (proto == 17 or (proto, int(flow["orig_p"])) in {(1, 8), (58, 128)}):
            walk = UDP if proto == 17 else ECHO
            outcome = -1 if not sent else 0 if replied else 1
            if proto == 17 and 33434 <= flow["resp_p"] <= 33534 and not replied:
                outcome = -1
        found.append((walk, -1 if alone or not first else outcome, int(sent and replied), alone))
    return found
