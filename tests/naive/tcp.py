"""One TCP connection as Zeek's documentation and RFC 9293 describe it: states, numbers, history, gaps, its end.

Sources: Zeek's conn.log documentation (conn_state, history), its options tcp_attempt_delay, tcp_close_delay,
tcp_inactivity_timeout, tcp_max_above_hole_without_any_acks, and RFC 9293 §3.4 for sequence arithmetic.
"""

from tests.naive.stream import LOOK_AHEAD, Stream

FIN, SYN, RST, ACK = 1, 2, 4, 16
SECOND = 10**9
ATTEMPT_NS, CLOSE_NS, SHORT_NS, LONG_NS = 5 * SECOND, 5 * SECOND, 60 * SECOND, 300 * SECOND
HOUR_NS = 3600 * SECOND
TOO_LARGE = 1 << 20
OPENING = ("inactive", "syn_sent", "syn_ack_sent")
POWERS = (1, 10, 100, 1000, 10_000)


def diff(a, b):
    """a - b on the circle of 2³² numbers."""
    return (a - b + 2**31) % 2**32 - 2**31


class Side:
    """One endpoint."""

    def __init__(self):
        self.state = self.before = "inactive"
        self.start = self.last = self.acked = 0
        self.seq_wraps = self.ack_wraps = 0
        self.fin = None  # number behind its last FIN
        self.seen = self.closed = self.over = False
        self.stream = Stream()
        self.places, self.counts = {}, {}
        self.pkts = self.ip_bytes = self.payload = 0

    def offset(self, number):
        """Where a number lies in the stream: counted from the SYN, unwrapped around what was seen in order."""
        return self.stream.next + diff(number, self.start + self.stream.next)

    def begin(self, start, last):
        self.start, self.acked, self.last = start % 2**32, start % 2**32, last % 2**32

    @property
    def unacknowledged(self):
        return not self.ack_wraps and (self.acked - self.start) % 2**32 <= 1

    @property
    def clean(self):
        return self.state == "established" or (self.state == "closed" and self.before == "established")

    def below_start(self, number, reference, wraps):
        """Tell whether a number lies before the stream's start."""
        ahead = diff(number, reference)
        if ahead < 0 and wraps and number > reference:
            wraps -= 1
        elif ahead > 0 and number < reference:
            wraps += 1
        return wraps == 0 and (reference - self.start) % 2**32 + ahead < 0


class Connection:
    """The two endpoints, originator first, and what they share."""

    def __init__(self, first):
        self.orig, self.resp = Side(), Side()
        self.history, self.written, self.missed = "", set(), 0
        self.partial = self.long = self.deferred = False
        self.until = self.ends_at_until = None
        self.last = first

    def write(self, letter, is_orig):
        if len(self.history) < 24:
            self.history += letter if is_orig else letter.lower()

    def once(self, kind, letter, is_orig):
        known = (kind, is_orig) in self.written
        if not known:
            self.written.add((kind, is_orig))
            self.write(letter, is_orig)
        return known

    def scaled(self, side, letter, is_orig, most=65535):
        side.counts[letter] = min(side.counts.get(letter, 0) + 1, most)
        if side.counts[letter] in POWERS:
            self.write(letter, is_orig)

    def to(self, side, state):
        if state != side.state:
            if {self.orig.state, self.resp.state} <= set(OPENING) and state not in OPENING:
                self.long = True
            side.before, side.state = side.state, state

    def take(self, p, is_orig):
        """Account for one packet whose checksum is right."""
        me, peer = (self.orig, self.resp) if is_orig else (self.resp, self.orig)
        syn, fin, rst, ack = (bool(p.flags & bit) for bit in (SYN, FIN, RST, ACK))
        if not me.seen:
            if is_orig:
                self.partial = not syn or ack
            elif not syn:
                self.partial = True
        past = (p.seq + (0 if rst else p.pay_len) + syn + fin) % 2**32
        self.number(me, syn, p.seq, past)
        old = me.below_start(p.seq, me.last, me.seq_wraps)
        self.flags(me, p, is_orig, syn, fin, rst, ack)
        if p.status & 4 and not rst and peer.state != "closed" and me.state != "reset":
            self.scaled(me, "W", is_orig)
        if not (me.closed and peer.closed):
            self.last = p.ts
        if fin:
            me.fin = past
        acks = ack and self.acknowledge(peer, p.ack, rst)
        self.advance(me, past, syn, fin, rst, p.pay_len, is_orig)
        closes = self.transition(me, peer, p, is_orig, syn, fin, rst, ack)
        if acks and peer.state != "inactive":
            self.delivered(peer, me, p.ack, not is_orig)
            self.notice_end(peer, me)
        me.seen = True
        if p.pay_len and len(p.payload) >= p.pay_len and not rst and not old:
            low = me.offset((p.seq + syn) % 2**32)
            me.stream.add(low, low + p.pay_len, unacknowledged=me.unacknowledged)
        self.notice_end(me, peer)
        if closes:
            self.close(me, peer)

    def number(self, me, syn, seq, past):
        """Give an endpoint its first numbers, or better ones."""
        if me.state == "inactive":
            me.begin(*((seq, past) if syn else (seq - 1, seq)))
            me.stream.next = 1
        elif syn:
            again = me.state in ("syn_sent", "syn_ack_sent") and seq != me.start
            late = me.state in ("established", "partial") or (me.state == "reset" and me.before == "inactive")
            if again or late:
                me.begin(seq, past)

    def flags(self, me, p, is_orig, syn, fin, rst, ack):
        """Write the letter of a packet's flags."""
        if syn + fin + rst == 0:
            if p.pay_len:
                self.once("data", "D", is_orig)
            elif ack:
                self.once("ack", "A", is_orig)
        elif syn + fin + rst > 1:
            both = fin and rst
            self.once("finrst" if both else "multi", "I" if both else "Q", is_orig)
        else:
            letter = ("H" if ack else "S") if syn else "F" if fin else "R"
            kind = "syn" if syn else letter
            place = ((p.seq - me.start) + (p.pay_len if fin else 0)) % 2**16
            if self.once(kind, letter, is_orig) and place != me.places.get(kind, 0):
                self.write(letter, is_orig)
            me.places[kind] = place

    def acknowledge(self, peer, ack, rst):
        """Take an acknowledgement; tell whether it is of any use."""
        if peer.state == "inactive":
            peer.begin(ack - 1, ack - 1)
            peer.stream.next = 1
            return True
        if peer.below_start(ack, peer.acked, peer.ack_wraps):
            return False
        ahead = diff(ack, peer.acked)
        if not rst and ahead > 0 and not (ack == 0 and ahead > TOO_LARGE):
            peer.ack_wraps += ack < peer.acked
            peer.acked = ack
        return True

    def advance(self, me, past, syn, fin, rst, size, is_orig):
        ahead = diff(past, me.last)
        if (syn or rst) and abs(ahead) > TOO_LARGE:
            return
        first = fin and me.last == (me.start + 1) % 2**32
        if first or (me.state != "reset" and ahead > 0):
            me.seq_wraps += past < me.last
            me.last = past
        elif me.state != "reset" and size:
            self.scaled(me, "T", is_orig)

    def transition(self, me, peer, p, is_orig, syn, fin, rst, ack):
        """Move through RFC 9293's states as an observer can see them; tell whether the endpoint closes."""
        if me.state == "inactive":
            self.opens(me, peer, p, is_orig, syn, fin, rst, ack)
            return fin or rst
        if me.state in ("syn_sent", "syn_ack_sent"):
            for happened, state in ((fin, "closed"), (rst, "reset")):
                if happened:
                    self.to(me, state)
            return fin or rst
        if me.state in ("established", "partial"):
            if syn and not ack and me.state == "partial" and peer.state == "inactive":
                self.to(me, "syn_sent")
            if fin and not rst:
                self.to(me, "closed")
                if peer.state == "reset" and peer.before == "closed":
                    self.to(peer, "closed")
            if rst:
                self.to(me, "reset")
            return fin or rst
        if me.state == "closed" and rst and peer.state != "closed":
            self.to(me, "reset")
            return not me.closed
        return False

    def opens(self, me, peer, p, is_orig, syn, fin, rst, ack):
        if syn and is_orig:
            self.to(me, "syn_ack_sent" if ack else "syn_sent")
            self.until = p.ts + ATTEMPT_NS
        elif syn:
            if not ack and peer.state == "syn_ack_sent" and p.seq == me.start:
                self.orig, self.resp = self.resp, self.orig
                self.partial = False
                self.write("^", True)
                self.to(peer, "established")
            if peer.state == "syn_sent":
                self.to(peer, "established")
            self.to(me, "established")
        if fin:
            self.to(me, "closed")
        if rst:
            self.to(me, "reset")
        if me.state == "inactive":
            if not is_orig and not p.pay_len and peer.state == "syn_sent":
                return
            if ack and peer.state == "established":
                self.to(me, "established")
                self.partial, me.seen = False, True
            else:
                self.to(me, "partial")

    def delivered(self, me, peer, ack, is_orig):
        """Act on the peer's acknowledgement of `me`'s stream: what was never seen by then was missed."""
        if me.fin is not None and diff(ack, me.fin) >= 0:
            ack = (me.fin - 1) % 2**32
        upto = me.offset(ack)
        if upto <= me.stream.next or (self.partial and (ack - me.start) % 2**32 <= 2):
            return
        for hole in me.stream.holes_before(upto):
            if me.clean and peer.clean:
                self.scaled(me, "G", is_orig, 255)
                self.missed += hole

    def pending(self, me, peer):
        """Tell whether a close must wait for data."""
        if me.stream.skipped:
            return False
        ahead = me.offset(me.last) - me.stream.next
        if ahead < 0 or ahead > 1:
            return ahead > 1
        return me.state != "reset" and self.holds(peer)

    @staticmethod
    def holds(side):
        if side.stream.runs:
            return True
        if side.state == "inactive" or side.stream.skipped:
            return False
        unacked = side.stream.next - side.offset(side.acked)
        if unacked > LOOK_AHEAD and side.unacknowledged:
            return False
        return unacked > 0 and side.stream.next > 1

    def close(self, me, peer):
        self.deferred = self.pending(me, peer)
        if self.deferred or me.closed:
            return
        me.closed = True
        if me.state == "reset" or peer.closed or peer.state == "inactive":
            self.until, self.ends_at_until = self.last + CLOSE_NS, True

    def notice_end(self, me, peer):
        finished = me.fin is not None or me.state in ("closed", "reset")
        if me.over or not finished or self.pending(me, peer):
            return
        me.over = True
        if self.deferred:
            self.close(me, peer)
            self.deferred = False

    def reused(self, p):
        """Tell whether a SYN opens another connection between the same ports."""
        if not p.flags & SYN:
            return False
        ack = p.flags & ACK
        if ack and self.orig.state != "inactive":
            return False
        if self.orig.closed and self.resp.closed:
            return True
        opener = self.resp if ack else self.orig
        if p.seq == opener.start:
            return False
        late_syn = opener.state == "syn_ack_sent" and self.resp.state == "inactive" and p.seq == self.resp.start
        return bool(ack) or not late_syn

    def end(self, *, interactive=False):
        """When the connection ends unless something more happens."""
        if self.ends_at_until:
            return self.until
        o, r = self.orig, self.resp
        established = "partial" not in (o.state, r.state)
        end = self.last + ((HOUR_NS if interactive and established else LONG_NS) if self.long else SHORT_NS)
        if o.state in ("syn_sent", "syn_ack_sent") and r.state == "inactive" and self.until is not None:
            return min(end, self.until)
        one = o.closed or r.closed
        both = o.closed and r.closed
        gone = both or "reset" in (o.state, r.state) or "inactive" in (o.state, r.state)
        if (one and gone) or o.state == r.state == "inactive":
            return min(end, self.last + CLOSE_NS)
        return end


def size(me, peer):
    """Payload bytes by sequence numbers: the SYN's and the FIN's are not among them."""
    silent = 0 <= diff(me.acked, me.start) <= 1
    if me.state == "inactive" and not me.pkts and me.start == me.last == 0:
        return 0
    if me.before == "syn_sent" and me.state == "reset" and peer.state == "inactive" and not silent:
        return 0
    reached = max(me.last + (me.seq_wraps << 32), me.acked + (me.ack_wraps << 32)) - me.start
    return max(0, reached - (reached > 0) - (me.fin is not None and reached > 1))


def conn_state(o, r, orig_bytes, resp_bytes, history):
    """Zeek's conn_state, from the table in the documentation of conn.log."""
    o, r = o.state, r.state
    quiet = ("inactive", "partial")
    if r == "reset":
        if o in ("syn_sent", "syn_ack_sent") or (o == "reset" and not orig_bytes and not resp_bytes):
            return "REJ"
        return "RSTRH" if o in quiet else "RSTR"
    if o == "reset":
        if r not in quiet:
            return "RSTO"
        bare = history.removeprefix("^")
        middle = bare[1 : bare.find("R")] if "R" in bare else None
        syn_then_reset = bare.startswith("S") and middle is not None and not set(middle) & set("HAFGIQ")
        return "RSTOS0" if syn_then_reset else "OTH"
    table = {("closed", "closed"): "SF", ("syn_sent", "inactive"): "S0", ("established", "established"): "S1"}
    if (o, r) in table:
        return table[o, r]
    if o == "closed":
        return "SH" if r in quiet else "S2"
    if r == "closed":
        return "SHR" if o in quiet else "S3"
    return "OTH"
