/* The flow engine once more, in C, to tell how much speed its numba kernels leave on the table (PERFORMANCE.md, goal 8).
 *
 * Translated by hand from sensor/packets/{decode,link,tunnel,transport,checksum,fragments}.py and
 * sensor/flows/{columns,table,stream,tcp,history,update,expiry,export}.py: the same layouts and prefetches, the same
 * rows out; tests/bench/against_c.py compares them byte for byte. It decodes 512 packets at a time, where C is fastest;
 * the engine takes 4,096, because a call from Python costs more. Left out: metadata (`observe`), containers other than
 * little-endian microsecond pcap, link layers other than Ethernet, 802.11 in GRE.
 *
 *     gcc -O3 -march=native -ffp-contract=off -o reference reference.c
 *     reference CAPTURE [ROWS]      one line of JSON; ROWS receives the flow rows
 *
 * It trusts its input no more than the engine does, but it is a yardstick, not a product.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* ---- loads ---- */

INLINE u16 raw16(const u8 *p) { u16 v; memcpy(&v, p, 2); return v; }
INLINE u32 raw32(const u8 *p) { u32 v; memcpy(&v, p, 4); return v; }
INLINE u64 raw64(const u8 *p) { u64 v; memcpy(&v, p, 8); return v; }
INLINE i64 be16(const u8 *b, i64 at) { return __builtin_bswap16(raw16(b + at)); }
INLINE i64 be32(const u8 *b, i64 at) { return __builtin_bswap32(raw32(b + at)); }
INLINE u64 be64(const u8 *b, i64 at) { return __builtin_bswap64(raw64(b + at)); }

/* ---- sensor/model/capture.py, flow.py ---- */

typedef struct { i64 ts; u32 off, cap, wire; u16 link, iface; } Frame;
typedef struct {
    u64 k0, k1, k2, k3, k4;
    i64 ts;
    u32 h, ip_len, pay_len, pay_off, pay_cap, seq, ack, frame_off, ctx;
    u16 vlan, inner_vlan;
    u8 flags, dir, tunnel, status;
    u32 nth;
} Packet;
typedef struct { i64 ts; u64 sender_mac, target_mac; u32 sender_ip, target_ip; u16 op, vlan; i64 offset; } Arp;
typedef struct {
    i64 ts, duration;
    char uid[24];
    u64 orig_hi, orig_lo, resp_hi, resp_lo;
    u16 orig_p, resp_p;
    u8 proto, conn_state;
    int8_t local_orig, local_resp;
    i64 orig_bytes, resp_bytes, missed_bytes, orig_pkts, orig_ip_bytes, resp_pkts, resp_ip_bytes;
    char history[32], service[24];
    u64 orig_l2, resp_l2;
    u16 vlan, inner_vlan;
    u8 tunnel;
    u32 tunnel_id;
    double size_sq, gap_sq;
    u8 why;
    int32_t input;
    i64 offset;
} Flow;
_Static_assert(sizeof(Frame) == 24 && sizeof(Packet) == 96, "layouts of capture.py");

enum { BAD_CHECKSUM = 1, FRAGMENT = 2, ZERO_WINDOW = 4, INNER = 8, BAD_HEADER = 16 };
enum { NO_FRAME = 0xFFFFFFFFu };
enum { TUN_NONE, TUN_GRE, TUN_ERSPAN, TUN_IP, TUN_VXLAN, TUN_GENEVE, TUN_GTP, TUN_TEREDO, TUN_AYIYA, TUN_MPLS, TUN_PPPOE, TUN_PBB, TUN_FABRICPATH, TUN_VNTAG };
enum {
    DROP_TRUNCATED, DROP_LINKTYPE, DROP_LINK, DROP_IP, DROP_TRANSPORT, DROP_IP_CHECKSUM, DROP_CHECKSUM, DROP_NOT_IP,
    DROP_WLAN, DROP_FRAGMENT, DROP_FRAGMENT_ROOM, DROP_DEEP, DROP_OVERSIZED, DROP_TIME, DROP_ROOM, DROPS
};
#define FAIL(reason) (-1 - (reason))

/* ---- sensor/packets/checksum.py ---- */

INLINE u64 ones_sum(const u8 *b, i64 pos, i64 end) {
    u64 total = 0;
    i64 words = (end - pos) >> 2;
    for (i64 k = 0; k < words; k++) total += raw32(b + pos + (k << 2));
    pos += words << 2;
    if (pos + 2 <= end) { total += raw16(b + pos); pos += 2; }
    if (pos < end) total += b[pos];
    return total;
}
INLINE u32 fold(u64 t) {
    t = (t & 0xFFFFFFFF) + (t >> 32);
    t = (t & 0xFFFF) + (t >> 16);
    t = (t & 0xFFFF) + (t >> 16);
    t = (t & 0xFFFF) + (t >> 16);
    return (u32)t;
}
INLINE u64 pseudo_sum(u64 sh, u64 sl, u64 dh, u64 dl, u64 proto, u64 length) {
    u64 total = proto + (length & 0xFFFF) + (length >> 16);
    for (int s = 0; s < 64; s += 16) total += (sh >> s & 0xFFFF) + (sl >> s & 0xFFFF) + (dh >> s & 0xFFFF) + (dl >> s & 0xFFFF);
    u32 f = fold(total);
    return (u64)((f & 0xFF) << 8 | f >> 8);
}

/* ---- sensor/packets/transport.py ---- */

#define M1 0x9E3779B97F4A7C15ull
#define M2 0xBF58476D1CE4E5B9ull
#define M3 0x94D049BB133111EBull
INLINE u64 mix(u64 h, u64 w) { h = (h ^ w) * M2; return h ^ (h >> 32); }
INLINE u32 key_hash(u64 seed, u64 k0, u64 k1, u64 k2, u64 k3, u64 k4) {
    u64 a = (seed ^ M1) * M2, b = (seed ^ M3) * M1;
    u64 h = k1 * (a | 1) + k3 * (b | 1) + k4 * ((a ^ b >> 7) | 1);
    h += ((k0 * M1) ^ seed) * M3 + ((k2 * M2) ^ seed) * M1;
    h = (h ^ (h >> 31)) * M3;
    return (u32)(h >> 32);
}
static i64 icmp_counterpart(i64 proto, i64 kind) {
    if (proto == 1) {
        if (kind == 0 || kind == 8) return 8 - kind;
        if (kind == 9 || kind == 10) return 19 - kind;
        if (kind >= 13 && kind <= 18) return kind & 1 ? kind + 1 : kind - 1;
        return -1;
    }
    if (kind == 128 || kind == 129) return 257 - kind;
    if (kind == 130 || kind == 131) return 261 - kind;
    if (kind >= 133 && kind <= 136) return kind & 1 ? kind + 1 : kind - 1;
    if (kind == 139 || kind == 140) return 279 - kind;
    if (kind == 144 || kind == 145) return 289 - kind;
    return -1;
}
INLINE void set_key(Packet *p, u64 proto, u64 sh, u64 sl, u64 dh, u64 dl, u64 sp, u64 dp, int one_way, u64 seed) {
    int flip = sh > dh || (sh == dh && (sl > dl || (sl == dl && sp > dp)));
    u64 ports;
    if (flip) {
        p->k0 = dh; p->k1 = dl; p->k2 = sh; p->k3 = sl;
        ports = dp << 48 | sp << 32;
        p->dir = 1;
    } else {
        p->k0 = sh; p->k1 = sl; p->k2 = dh; p->k3 = dl;
        ports = sp << 48 | dp << 32;
        p->dir = 0;
    }
    if (one_way) ports |= flip ? 2 : 1;
    p->k4 = ports | proto << 24;
    p->h = key_hash(seed, p->k0, p->k1, p->k2, p->k3, p->k4);
}
INLINE int checksum_right(const u8 *b, i64 pos, i64 end, i64 proto, u64 sh, u64 sl, u64 dh, u64 dl) {
    u64 total = ones_sum(b, pos, end);
    if (proto != 1) total += pseudo_sum(sh, sl, dh, dl, proto, end - pos);
    return fold(total) == 0xFFFF;
}
static i64 transport(const u8 *b, Packet *p, i64 proto, i64 l4, i64 cap_end, i64 l4_end, u64 sh, u64 sl, u64 dh, u64 dl, u64 seed, int check) {
    i64 size = l4_end - l4, captured = cap_end - l4, header = 0, failure = 0;
    i64 sp = 0, dp = 0;
    int one_way = 0;
    p->seq = p->ack = p->flags = 0;
    check = check && captured >= size;
    if (proto == 6) {
        if (size < 20 || captured < 20) return FAIL(DROP_TRANSPORT);
        sp = be16(b, l4); dp = be16(b, l4 + 2);
        p->seq = be32(b, l4 + 4); p->ack = be32(b, l4 + 8); p->flags = b[l4 + 13];
        header = (b[l4 + 12] >> 4) << 2;
        if (b[l4 + 14] == 0 && b[l4 + 15] == 0) p->status |= ZERO_WINDOW;
        if (header < 20 || header > size) {
            p->status |= BAD_HEADER;
            header = size;
            failure = FAIL(DROP_TRANSPORT);
        } else if (check && !checksum_right(b, l4, l4_end, proto, sh, sl, dh, dl)) failure = FAIL(DROP_CHECKSUM);
    } else if (proto == 17) {
        if (size < 8 || captured < 8) return FAIL(DROP_TRANSPORT);
        sp = be16(b, l4); dp = be16(b, l4 + 2);
        header = 8;
        i64 length = be16(b, l4 + 4);
        if (length >= 8 && length < size) size = length;
        if (check && (be16(b, l4 + 6) || (sh && dp != 4789)) && !checksum_right(b, l4, l4 + size, proto, sh, sl, dh, dl))
            failure = FAIL(DROP_CHECKSUM);
    } else if (proto == 1 || proto == 58) {
        if (size < 8 || captured < 8) return FAIL(DROP_TRANSPORT);
        sp = b[l4]; header = 8;
        dp = icmp_counterpart(proto, sp);
        if (dp < 0) { dp = b[l4 + 1]; one_way = 1; }
        if (check && !checksum_right(b, l4, l4_end, proto, sh, sl, dh, dl)) failure = FAIL(DROP_CHECKSUM);
    } else if (proto == 132) {
        if (size < 12 || captured < 12) return FAIL(DROP_TRANSPORT);
        sp = be16(b, l4); dp = be16(b, l4 + 2); header = 12;
    }
    set_key(p, proto, sh, sl, dh, dl, sp, dp, one_way, seed);
    p->pay_len = size - header;
    p->pay_off = l4 + header;
    p->pay_cap = MAX(0, MIN(captured - header, size - header));
    if (failure == FAIL(DROP_CHECKSUM)) p->status |= BAD_CHECKSUM;
    return failure;
}

/* ---- sensor/packets/link.py and tunnel.py ---- */

enum { ET_IPV4 = 0x0800, ET_ARP = 0x0806, ET_IPV6 = 0x86DD, ET_ETHERNET = 0x6558 };
enum { MAX_SHIMS = 16, MAX_LABELS = 8, MAX_DEPTH = 8, MAX_EXTENSIONS = 8, MAX_GTP_EXTENSIONS = 8, MAX_JOINED = 4 };
typedef struct { i64 pos, vlan, inner_vlan, tunnel, tunnel_id, ethernet; } Notes;

static i64 raw_ip(const u8 *b, i64 pos, i64 end) {
    if (pos >= end) return FAIL(DROP_LINK);
    return b[pos] >> 4 == 4 ? ET_IPV4 : b[pos] >> 4 == 6 ? ET_IPV6 : FAIL(DROP_NOT_IP);
}
static i64 ppp(const u8 *b, i64 pos, i64 end, Notes *n) {
    i64 proto;
    if (pos + 2 <= end && b[pos] == 0xFF && b[pos + 1] == 3) pos += 2;
    if (pos + 2 > end) return FAIL(DROP_LINK);
    if (b[pos] & 1) proto = b[pos++];
    else { proto = be16(b, pos); pos += 2; }
    n->pos = pos;
    return proto == 0x21 ? ET_IPV4 : proto == 0x57 ? ET_IPV6 : proto == 0x281 ? 0x8847 : FAIL(DROP_NOT_IP);
}
static i64 mpls(const u8 *b, i64 pos, i64 end, Notes *n) {
    for (int k = 0; k < MAX_LABELS; k++) {
        if (pos + 4 > end) return FAIL(DROP_LINK);
        i64 entry = be32(b, pos);
        pos += 4;
        if (entry & 0x100) {
            n->tunnel = TUN_MPLS; n->tunnel_id = entry >> 12; n->pos = pos;
            i64 inner = raw_ip(b, pos, end);
            if (inner == FAIL(DROP_NOT_IP) && b[pos] >> 4 == 0) { n->pos = pos + 4; return ET_ETHERNET; }
            return inner;
        }
    }
    return FAIL(DROP_DEEP);
}
static i64 shims(const u8 *b, i64 end, i64 et, Notes *n) {
    for (int k = 0; k < MAX_SHIMS; k++) {
        i64 pos = n->pos;
        if (et == ET_IPV4 || et == ET_IPV6 || et == ET_ARP || et < 0) return et;
        if (et == 0x8100 || et == 0x88A8 || et == 0x9100 || et == 0x9200) {
            if (pos + 4 > end) return FAIL(DROP_LINK);
            *(n->vlan ? &n->inner_vlan : &n->vlan) = be16(b, pos) & 0xFFF;
            et = be16(b, pos + 2); n->pos = pos + 4;
        } else if (et == 0x8847 || et == 0x8848) et = mpls(b, pos, end, n);
        else if (et == 0x8864) {
            if (pos + 8 > end || b[pos] != 0x11) return FAIL(DROP_LINK);
            n->tunnel = TUN_PPPOE; n->tunnel_id = be16(b, pos + 2);
            et = ppp(b, pos + 6, end, n);
        } else if (et == 0x880B) et = ppp(b, pos, end, n);
        else if (et == 0x88E7) {
            if (pos + 4 > end) return FAIL(DROP_LINK);
            n->tunnel = TUN_PBB; n->tunnel_id = be32(b, pos) & 0xFFFFFF; n->pos = pos + 4;
            et = ET_ETHERNET;
        } else if (et == 0x8903) {
            if (pos + 2 > end) return FAIL(DROP_LINK);
            n->tunnel = TUN_FABRICPATH; n->tunnel_id = be16(b, pos) >> 6; n->pos = pos + 2;
            et = ET_ETHERNET;
        } else if (et == 0x8926) {
            if (pos + 6 > end) return FAIL(DROP_LINK);
            n->tunnel = TUN_VNTAG; n->tunnel_id = be32(b, pos) >> 16 & 0x3FFF;
            et = be16(b, pos + 4); n->pos = pos + 6;
        } else if (et == ET_ETHERNET) {
            if (pos + 14 > end) return FAIL(DROP_LINK);
            n->ethernet = pos; n->pos = pos + 14;
            et = be16(b, pos + 12);
        } else if (et < 1536) {
            if (pos + 8 > end || be32(b, pos) != 0xAAAA0300 || be16(b, pos + 4)) return FAIL(DROP_NOT_IP);
            et = be16(b, pos + 6); n->pos = pos + 8;
            if (et < 1536) return FAIL(DROP_NOT_IP);
        } else return FAIL(DROP_NOT_IP);
    }
    return FAIL(DROP_DEEP);
}
static i64 gre(const u8 *b, i64 pos, i64 end, Notes *n) {
    if (pos + 4 > end) return FAIL(DROP_LINK);
    i64 flags = be16(b, pos), inner = be16(b, pos + 2), version = flags & 7, at = pos + 4, id = 0, tunnel = TUN_GRE;
    if (version > 1) return FAIL(DROP_NOT_IP);
    if (flags & 0xC000) at += 4;
    if (flags & 0x2000) {
        if (at + 4 > end) return FAIL(DROP_LINK);
        id = version == 0 ? be32(b, at) : be16(b, at + 2);
        at += 4;
    }
    if (flags & 0x1000) at += 4;
    if (version == 1 && flags & 0x80) at += 4;
    if (inner == 0x88BE) {
        tunnel = TUN_ERSPAN;
        if (flags & 0x1000) {
            if (at + 8 > end) return FAIL(DROP_LINK);
            id = be16(b, at + 2) & 0x3FF;
            at += 8;
        }
        inner = ET_ETHERNET;
    } else if (inner == 0x22EB) {
        tunnel = TUN_ERSPAN;
        if (at + 12 > end) return FAIL(DROP_LINK);
        id = be16(b, at + 2) & 0x3FF;
        at += b[at + 11] & 1 ? 20 : 12;
        inner = ET_ETHERNET;
    }
    if (at >= end) return FAIL(DROP_LINK);
    n->pos = at;
    if (inner == 0x883E) {
        inner = ET_IPV4;
        if (b[at] >> 4 != 4) n->pos = at + 4;
    }
    n->tunnel = tunnel; n->tunnel_id = id;
    return inner;
}
INLINE int is_teredo(const u8 *b, i64 pos, i64 end) {
    if (end - pos < 40) return 0;
    if (b[pos] >> 4 == 6) return be32(b, pos + 8) == 0x20010000 || be32(b, pos + 24) == 0x20010000;
    if (b[pos] || b[pos + 1] > 1) return 0;
    if (b[pos + 1]) pos += 13 + b[pos + 2] + b[pos + 3];
    return end - pos >= 48 && be16(b, pos) == 0 && b[pos + 8] >> 4 == 6;
}
static i64 over_udp(const u8 *b, i64 pos, i64 end, i64 port, Notes *n) {
    i64 at;
    if (port == 4789) {
        if (pos + 22 > end || !(b[pos] & 8)) return FAIL(DROP_NOT_IP);
        n->tunnel = TUN_VXLAN; n->tunnel_id = be32(b, pos + 4) >> 8; n->pos = pos + 8;
        return ET_ETHERNET;
    }
    if (port == 6081) {
        if (pos + 8 > end || b[pos] >> 6) return FAIL(DROP_NOT_IP);
        at = pos + 8 + ((b[pos] & 0x3F) << 2);
        if (at >= end) return FAIL(DROP_NOT_IP);
        n->tunnel = TUN_GENEVE; n->tunnel_id = be32(b, pos + 4) >> 8; n->pos = at;
        return be16(b, pos + 2);
    }
    if (port == 2152 || port == 2123) {
        if (pos + 8 > end || (b[pos] & 0xF0) != 0x30 || b[pos + 1] != 0xFF) return FAIL(DROP_NOT_IP);
        at = pos + 8;
        if (b[pos] & 7) {
            if (at + 4 > end) return FAIL(DROP_NOT_IP);
            int following = b[pos] & 4 ? b[at + 3] : 0;
            at += 4;
            for (int k = 0; k < MAX_GTP_EXTENSIONS && following; k++) {
                if (at >= end || b[at] == 0 || at + 4 * (i64)b[at] > end) return FAIL(DROP_NOT_IP);
                at += 4 * (i64)b[at];
                following = b[at - 1];
            }
        }
        n->tunnel = TUN_GTP; n->tunnel_id = be32(b, pos + 4); n->pos = at;
        return raw_ip(b, at, end);
    }
    if (port == 3544) {
        if (pos + 4 <= end && be16(b, pos) == 1) pos += 13 + b[pos + 2] + b[pos + 3];
        if (pos + 8 <= end && be16(b, pos) == 0) pos += 8;
        if (pos + 40 > end || b[pos] >> 4 != 6) return FAIL(DROP_NOT_IP);
        n->tunnel = TUN_TEREDO; n->tunnel_id = 0; n->pos = pos;
        return ET_IPV6;
    }
    if (port == 5072) {
        if (pos + 8 > end || (b[pos + 2] & 15) != 1) return FAIL(DROP_NOT_IP);
        at = pos + 8 + (1ll << (b[pos] >> 4)) + 4 * (b[pos + 1] >> 4);
        if (at >= end) return FAIL(DROP_NOT_IP);
        n->tunnel = TUN_AYIYA; n->tunnel_id = 0; n->pos = at;
        return b[pos + 3] == 41 ? ET_IPV6 : b[pos + 3] == 4 ? ET_IPV4 : FAIL(DROP_NOT_IP);
    }
    return port == 4754 ? gre(b, pos, end, n) : FAIL(DROP_NOT_IP);
}

/* ---- sensor/packets/fragments.py ---- */

enum { SLOTS = 256, PROBES = 8, PLACE_BYTES = 65536, UNITS = PLACE_BYTES / 8 / 64 };
#define FRAGMENT_TIMEOUT 30000000000ll
typedef struct { u64 src_hi, src_lo, dst_hi, dst_lo, ident; i64 first, total, units, high, header, frames; } Place;
static Place places[SLOTS];
static u64 bits[SLOTS * UNITS];
static u8 *store;
static i64 given_up, waiting;

static void clear_place(i64 slot) {
    waiting -= places[slot].frames;
    places[slot].ident = 0;
    places[slot].frames = 0;
    memset(bits + slot * UNITS, 0, UNITS * 8);
}
static i64 find_place(const u64 *w, u64 ident, i64 ts, u64 seed) {
    u64 mixed = ((w[1] ^ seed) * M1) ^ (w[3] * M2) ^ ident;
    mixed = (mixed ^ mixed >> 29) * M3;
    i64 start = mixed >> 40, vacant = -1;
    for (int probe = 0; probe < PROBES; probe++) {
        i64 slot = (start + probe) % SLOTS;
        Place *p = places + slot;
        if (p->ident && ts - p->first > FRAGMENT_TIMEOUT) { given_up += p->frames; clear_place(slot); }
        if (!p->ident) { if (vacant < 0) vacant = slot; }
        else if (p->ident == ident && p->src_lo == w[1] && p->dst_lo == w[3] && p->src_hi == w[0] && p->dst_hi == w[2]) return slot;
    }
    if (vacant >= 0) places[vacant] = (Place){w[0], w[1], w[2], w[3], ident, ts, -1, 0, 0, 0, 0};
    return vacant;
}
static i64 add_part(i64 slot, const u8 *b, i64 pos, i64 size, i64 offset, i64 more, i64 header, i64 frame) {
    Place *p = places + slot;
    i64 end = offset + size;
    int wrong = end > PLACE_BYTES - 1 || (more && size & 7) || size == 0;
    if (p->total >= 0) wrong = wrong || end > p->total || (!more && end != p->total);
    if (wrong || (!more && end < p->high)) {
        if (!p->units) p->ident = 0;
        return -2;
    }
    p->frames += frame; waiting += frame;
    if (!more) p->total = end;
    p->high = MAX(p->high, end);
    if (!offset) p->header = header;
    for (i64 done = 0; done < size;) {
        i64 unit = (offset + done) >> 3, word = slot * UNITS + (unit >> 6), width = MIN(8, size - done);
        u64 bit = 1ull << (unit & 63);
        if (!(bits[word] & bit)) {
            bits[word] |= bit;
            p->units++;
            memcpy(store + slot * PLACE_BYTES + offset + done, b + pos + done, width);
        }
        done += width;
    }
    return p->total >= 0 && p->units >= (p->total + 7) >> 3 ? p->total : -1;
}

/* ---- sensor/packets/decode.py ---- */

typedef struct { i64 proto, l4, l4_end, fragment, more, ident, routed; } Facts;
static struct { u64 seed; int check; i64 scratch, scratch_end, accepted, packets, arps, ordinal; } ctl;
static i64 drops[DROPS];
enum { ACCEPTED, WAITS };

static i64 ipv4(const u8 *b, i64 pos, i64 cap_end, i64 wire_end, int check, u64 *w, Facts *f) {
    if (pos + 20 > cap_end) return FAIL(DROP_IP);
    i64 header = (b[pos] & 15) << 2, total = be16(b, pos + 2);
    if (b[pos] >> 4 != 4 || header < 20 || pos + header > cap_end) return FAIL(DROP_IP);
    if (!total) total = wire_end - pos;
    if (total < header || pos + total > wire_end) return FAIL(DROP_IP);
    if (check && fold(ones_sum(b, pos, pos + header)) != 0xFFFF) return FAIL(DROP_IP_CHECKSUM);
    w[0] = w[2] = 0;
    w[1] = 0xFFFF00000000ull | be32(b, pos + 12);
    w[3] = 0xFFFF00000000ull | be32(b, pos + 16);
    i64 part = be16(b, pos + 6);
    *f = (Facts){b[pos + 9], pos + header, pos + total, (part & 0x1FFF) << 3, part >> 13 & 1, be16(b, pos + 4), 0};
    return 0;
}
static i64 extensions(const u8 *b, i64 cap_end, Facts *f) {
    i64 proto = f->proto, at = f->l4;
    for (int k = 0; k < MAX_EXTENSIONS; k++) {
        if (proto == 0 || proto == 43 || proto == 60 || proto == 135) {
            if (at + 8 > cap_end) return FAIL(DROP_IP);
            if (proto == 43 && b[at + 3]) f->routed = 1;
            proto = b[at]; at += ((i64)b[at + 1] + 1) << 3;
        } else if (proto == 51) {
            if (at + 8 > cap_end) return FAIL(DROP_IP);
            proto = b[at]; at += ((i64)b[at + 1] + 2) << 2;
        } else if (proto == 44) {
            if (at + 8 > cap_end) return FAIL(DROP_IP);
            i64 part = be16(b, at + 2);
            f->fragment = part & 0xFFF8; f->more = part & 1; f->ident = be32(b, at + 4);
            proto = b[at]; at += 8;
            if (f->fragment || f->more) break;
        } else break;
    }
    if (at > f->l4_end || at > cap_end) return FAIL(DROP_IP);
    f->proto = proto; f->l4 = at;
    return 0;
}
static i64 ipv6(const u8 *b, i64 pos, i64 cap_end, i64 wire_end, u64 *w, Facts *f) {
    if (pos + 40 > cap_end || b[pos] >> 4 != 6) return FAIL(DROP_IP);
    i64 total = be16(b, pos + 4) + 40;
    if (total == 40 && (b[pos + 6] == 6 || b[pos + 6] == 17 || b[pos + 6] == 0)) total = wire_end - pos;
    if (pos + total > wire_end) return FAIL(DROP_IP);
    for (int k = 0; k < 4; k++) w[k] = be64(b, pos + 8 + 8 * k);
    *f = (Facts){b[pos + 6], pos + 40, pos + total, 0, 0, 0, 0};
    return extensions(b, cap_end, f);
}
static i64 join(u8 *b, i64 ts, i64 header, const u64 *w, Facts *f, i64 frame) {
    u64 ident = (u64)((f->ident << 8 | f->proto) + 1);
    i64 slot = find_place(w, ident, ts, ctl.seed);
    if (slot < 0) return FAIL(DROP_FRAGMENT_ROOM);
    i64 total = add_part(slot, b, f->l4, f->l4_end - f->l4, f->fragment, f->more, header, frame);
    if (total == -2) return FAIL(DROP_IP);
    if (total < 0) return 0;
    i64 start = ctl.scratch;
    memcpy(b + start, store + slot * PLACE_BYTES, total);
    ctl.scratch = start + total;
    ctl.accepted += places[slot].frames - frame;
    i64 length = places[slot].header + total;
    clear_place(slot);
    f->l4 = start; f->l4_end = start + total;
    return length;
}
INLINE int is_tunnel(i64 port) {
    return port == 4789 || port == 6081 || port == 2152 || port == 2123 || port == 3544 || port == 5072 || port == 4754;
}
INLINE i64 tunnel_port(const Packet *p) {
    i64 low = p->k4 >> 48, high = p->k4 >> 32 & 0xFFFF;
    return is_tunnel(low) ? low : is_tunnel(high) ? high : 0;
}
NOINLINE i64 network(u8 *b, i64 et, i64 cap_end, i64 wire_end, i64 ts, i64 nth, Packet *out, Notes *n) {
    i64 outcome = FAIL(DROP_DEEP), failure;
    int status = 0, exact = 0, joined = 0;
    u64 w[4];
    Facts f;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
        i64 start = n->pos;
        failure = et == ET_IPV4 ? ipv4(b, start, cap_end, wire_end, ctl.check, w, &f) : ipv6(b, start, cap_end, wire_end, w, &f);
        if (failure < 0) return depth == 0 || outcome < 0 ? failure : outcome;
        if (exact && f.l4_end != wire_end) return outcome;
        exact = 0;
        i64 length = f.l4_end - start;
        int whole = f.l4_end <= cap_end;
        if (f.fragment && !whole) return outcome < 0 ? FAIL(DROP_FRAGMENT) : outcome;
        if (whole && (f.fragment || f.more)) {
            if (joined == MAX_JOINED) return outcome < 0 ? FAIL(DROP_DEEP) : outcome;
            length = join(b, ts, f.l4 - start - (et == ET_IPV4 ? 0 : 8), w, &f, outcome < 0);
            if (length < 0) return outcome < 0 ? length : outcome;
            if (length == 0) return outcome < 0 ? WAITS : outcome;
            joined++;
            cap_end = f.l4_end;
            status |= FRAGMENT;
            if (et == ET_IPV6 && (failure = extensions(b, cap_end, &f)) < 0) return outcome < 0 ? failure : outcome;
        }
        i64 proto = f.proto;
        cap_end = MIN(cap_end, f.l4_end);
        wire_end = f.l4_end;
        if (proto == 4 || proto == 41 || proto == 47) {
            Notes outer = *n;
            n->pos = f.l4;
            if (proto == 47) et = shims(b, cap_end, gre(b, f.l4, cap_end, n), n);
            else { et = proto == 4 ? ET_IPV4 : ET_IPV6; n->tunnel = TUN_IP; n->tunnel_id = 0; }
            if (et == ET_IPV4 || et == ET_IPV6) continue;
            *n = outer;
        }
        if (proto == 59 && status & INNER) return outcome;
        Packet *p = out + ctl.packets;
        p->ts = ts; p->nth = nth; p->ip_len = length; p->status = status;
        p->vlan = n->vlan; p->inner_vlan = n->inner_vlan; p->tunnel = n->tunnel; p->ctx = n->tunnel_id;
        p->frame_off = n->ethernet >= 0 ? (u32)n->ethernet : NO_FRAME;
        failure = transport(b, p, proto, f.l4, cap_end, f.l4_end, w[0], w[1], w[2], w[3], ctl.seed, ctl.check && !f.routed);
        if (failure < 0) {
            if (failure == FAIL(DROP_CHECKSUM) || p->status & BAD_HEADER) ctl.packets++;
            return outcome < 0 ? failure : outcome;
        }
        ctl.packets++;
        outcome = ACCEPTED;
        i64 port = proto == 17 ? tunnel_port(p) : 0, end = (i64)p->pay_off + p->pay_cap;
        if (proto == 17 && !port && is_teredo(b, p->pay_off, end)) port = 3544;
        if (!port || (n->tunnel == TUN_GTP && (port == 2152 || port == 2123))) return outcome;
        n->pos = p->pay_off;
        et = shims(b, end, over_udp(b, p->pay_off, end, port, n), n);
        if (et != ET_IPV4 && et != ET_IPV6) return outcome;
        cap_end = end; wire_end = (i64)p->pay_off + p->pay_len;
        exact = n->tunnel == TUN_GTP || n->tunnel == TUN_TEREDO;
        status |= INNER;
    }
    return outcome;
}
INLINE int plain(const u8 *b, const Frame *f, i64 nth, Packet *p) {
    i64 pos = f->off, ip = pos + 14, cap_end = pos + f->cap;
    if (f->link != 1 || f->cap < 54 || be32(b, pos + 12) >> 8 != 0x080045) return 0;
    i64 total = be16(b, ip + 2), proto = b[ip + 9];
    if (be16(b, ip + 6) & 0x3FFF || ip + total > cap_end || total < 40 || (proto != 6 && proto != 17)) return 0;
    if (ctl.check) {
        u64 x = raw64(b + ip), y = raw64(b + ip + 8);
        if (fold((x & 0xFFFFFFFF) + (x >> 32) + (y & 0xFFFFFFFF) + (y >> 32) + raw32(b + ip + 16)) != 0xFFFF) return 0;
    }
    i64 l4 = ip + 20, end = ip + total, header = 8;
    if (proto == 6) {
        header = (b[l4 + 12] >> 4) << 2;
        if (header < 20 || l4 + header > end) return 0;
        p->seq = be32(b, l4 + 4); p->ack = be32(b, l4 + 8); p->flags = b[l4 + 13];
        p->status = be16(b, l4 + 14) == 0 ? ZERO_WINDOW : 0;
    } else {
        if (be16(b, l4 + 4) != total - 20) return 0;
        p->seq = p->ack = p->flags = p->status = 0;
    }
    if (ctl.check && (proto == 6 || be16(b, l4 + 6))
        && fold(ones_sum(b, ip + 12, end) + (u64)(proto << 8) + __builtin_bswap16((u16)(total - 20))) != 0xFFFF) return 0;
    i64 sp = be16(b, l4), dp = be16(b, l4 + 2);
    if (proto == 17 && (is_tunnel(dp) || is_tunnel(sp) || is_teredo(b, l4 + 8, end))) return 0;
    u64 prefix = 0xFFFF00000000ull;
    set_key(p, proto, 0, prefix | be32(b, ip + 12), 0, prefix | be32(b, ip + 16), sp, dp, 0, ctl.seed);
    p->ts = f->ts; p->nth = nth; p->ip_len = total; p->frame_off = pos;
    p->vlan = p->inner_vlan = p->tunnel = p->ctx = 0;
    p->pay_len = p->pay_cap = total - 20 - header;
    p->pay_off = l4 + header;
    ctl.packets++;
    return 1;
}
static int arp(const u8 *b, i64 pos, i64 end, i64 ts, i64 ordinal, i64 vlan, Arp *a) {
    if (pos + 28 > end || be32(b, pos) != 0x00010800 || be16(b, pos + 4) != 0x0604) return 0;
    *a = (Arp){ts, (u64)be16(b, pos + 8) << 32 | be32(b, pos + 10), (u64)be16(b, pos + 18) << 32 | be32(b, pos + 20),
               be32(b, pos + 14), be32(b, pos + 24), be16(b, pos + 6), vlan, ordinal};
    return 1;
}
static i64 decode(u8 *b, const Frame *frames, i64 n_frames, i64 i, Packet *out, i64 n_out, Arp *arps, i64 n_arps) {
    while (i < n_frames && ctl.packets + MAX_DEPTH * 2 <= n_out && ctl.arps < n_arps && ctl.scratch_end - ctl.scratch >= PLACE_BYTES) {
        const Frame *f = frames + i;
        if (plain(b, f, i, out + ctl.packets)) { ctl.accepted++; i++; continue; }
        i64 pos = f->off, cap_end = pos + f->cap, wire_end = pos + f->wire, et, outcome;
        Notes n = {0, 0, 0, 0, 0, -1};
        if (f->link != 1) et = FAIL(DROP_LINKTYPE);
        else if (pos + 14 > cap_end) et = FAIL(DROP_LINK);
        else { n.ethernet = pos; n.pos = pos + 14; et = be16(b, pos + 12); }
        et = shims(b, cap_end, et, &n);
        if (et == ET_ARP) {
            outcome = ACCEPTED;
            if (arp(b, n.pos, cap_end, f->ts, ctl.ordinal + i, n.vlan, arps + ctl.arps)) ctl.arps++;
            else outcome = FAIL(DROP_TRANSPORT);
        } else if (et < 0) outcome = et;
        else outcome = network(b, et, cap_end, MAX(wire_end, cap_end), f->ts, i, out, &n);
        if (outcome == ACCEPTED) ctl.accepted++;
        else if (outcome < 0) drops[-1 - outcome]++;
        i++;
    }
    return i;
}

/* ---- sensor/flows/columns.py ---- */

typedef struct { u64 k0, k1, k2, k3, k4; i64 last; double size_sq, gap_sq; } Key;
typedef struct { u64 ip_bytes; u32 pkts, start, last, ack, next; u8 state, prev, flags, flow; } End;
typedef struct { i64 first, until, ordinal; u64 missed, hist0, hist1; u32 ctx; u16 seen; u8 hist_len, kind; } Cold;
typedef struct { u32 fin_seq; u16 last_syn, last_fin, last_rst, rexmit, zero_window, slot, hole; u8 bad_sum, gaps, seq_wraps, ack_wraps, fins, left; } Tail;
typedef struct { u64 mac0, mac1; u32 tunnel_id; u16 vlan, inner_vlan, tunnel, used; } Context;
enum { MAX_RUNS = 8 };
typedef struct { i64 n; u32 low[MAX_RUNS], high[MAX_RUNS]; } Holes;
_Static_assert(sizeof(Key) == 64 && sizeof(End) == 32 && sizeof(Cold) == 56 && sizeof(Tail) == 24, "layouts of columns.py");

enum { INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET, ACTIVE };
enum { E_SEEN = 1, E_CLOSED = 2, E_EOF = 4, E_SKIP = 8, E_ODD = 16, E_WANTED = 32, E_DATA = 64, E_ACK = 128 };
enum { F_FLIPPED = 1, F_PARTIAL = 2, F_LONG = 4, F_UNTIL = 8, F_DEFERRED = 16 };
enum { L_SYN = 1, L_HANDSHAKE, L_ACK, L_DATA, L_FIN, L_RST, L_CHECKSUM, L_GAP, L_REXMIT, L_ZERO, L_FINRST, L_MULTI, L_FLIP, LOWER = 16 };
enum { HISTORY_MAX = 24, SWEEP_BLOCK = 64, CONTEXT_ROWS = 16384, EVICTION_LOOK = 8, N_HOLES = 4096, FLOW_ROWS = 1 << 14 };
static const char LETTERS[] = "?SHADFRCGTWIQ^";

static Key *keys;
static End *ends;
static Cold *colds;
static Tail *tails;
static u32 *due, *free_records;
static u64 *index_;
static i64 mask, capacity;
static Context contexts[CONTEXT_ROWS];
static u16 context_index[2 * CONTEXT_ROWS];
static Holes holes[N_HOLES];
static i64 free_holes[N_HOLES], n_free_holes;
static Flow *sink;
static struct {
    u64 seed;
    i64 free, live, high, clock, base_s, next_sweep, last_sweep, since, sweep_at, hand, ordinal, out, interval, evicted, contexts, opened;
} st;

/* ---- sensor/flows/history.py ---- */

static void add_letter(Cold *c, u64 code, int is_orig) {
    if (!is_orig) code += LOWER;
    int n = c->hist_len;
    if (n < 12) c->hist0 |= code << (5 * n);
    else if (n < HISTORY_MAX) c->hist1 |= code << (5 * (n - 12));
    else return;
    c->hist_len = n + 1;
}
static int once(Cold *c, int slot, int code, int is_orig) {
    int bit = 1 << (is_orig ? slot : slot + 8);
    if (c->seen & bit) return 1;
    c->seen |= bit;
    add_letter(c, code, is_orig);
    return 0;
}
INLINE int at_threshold(i64 n) { return n == 1 || n == 10 || n == 100 || n == 1000 || n == 10000; }
INLINE u64 letter_at(const Cold *c, int n) { return n < 12 ? c->hist0 >> (5 * n) & 31 : c->hist1 >> (5 * (n - 12)) & 31; }

/* ---- sensor/flows/stream.py ---- */

#define CLOSE_DELAY 5000000000ll
enum { MAX_WITHOUT_ACK = 16384 };
INLINE i64 delta(u32 a, u32 b) { return (int32_t)(a - b); }
static void drop_holes(Tail *t) {
    if (t->hole) { free_holes[n_free_holes++] = t->hole - 1; t->hole = 0; }
}
static void advance(End *e, Tail *t) {
    if (!t->hole) return;
    Holes *h = holes + t->hole - 1;
    i64 taken = 0;
    while (taken < h->n && delta(h->low[taken], e->next) <= 0) {
        if (delta(h->high[taken], e->next) > 0) e->next = h->high[taken];
        taken++;
    }
    if (taken == h->n) drop_holes(t);
    else if (taken) {
        for (i64 k = taken; k < h->n; k++) { h->low[k - taken] = h->low[k]; h->high[k - taken] = h->high[k]; }
        h->n -= taken;
    }
}
static void keep_run(End *e, Tail *t, u32 low, u32 high) {
    if (!t->hole) {
        if (!n_free_holes) { e->flags |= E_SKIP; return; }
        e->flags |= E_ODD;
        t->hole = free_holes[--n_free_holes] + 1;
        holes[t->hole - 1].n = 0;
    }
    Holes *h = holes + t->hole - 1;
    i64 at = 0;
    while (at < h->n && delta(h->high[at], low) < 0) at++;
    i64 last = at;
    while (last < h->n && delta(h->low[last], high) <= 0) {
        if (delta(h->low[last], low) < 0) low = h->low[last];
        if (delta(h->high[last], high) > 0) high = h->high[last];
        last++;
    }
    i64 joined = last - at;
    if (joined == 0) {
        if (h->n == MAX_RUNS) { e->flags |= E_SKIP; drop_holes(t); return; }
        for (i64 k = h->n; k > at; k--) { h->low[k] = h->low[k - 1]; h->high[k] = h->high[k - 1]; }
        h->n++;
    } else if (joined > 1) {
        for (i64 k = last; k < h->n; k++) { h->low[k - joined + 1] = h->low[k]; h->high[k - joined + 1] = h->high[k]; }
        h->n -= joined - 1;
    }
    h->low[at] = low; h->high[at] = high;
}
INLINE int nothing_acked(const End *e, const Tail *t) { return t->ack_wraps == 0 && e->ack - e->start <= 1; }
static void data_seen(End *e, Tail *t, u32 low, i64 size) {
    u32 high = low + size;
    if (e->flags & E_SKIP || delta(high, e->next) <= 0) return;
    if (delta(low, e->next) <= 0) { e->next = high; advance(e, t); return; }
    keep_run(e, t, low, high);
    if (t->hole && nothing_acked(e, t)) {
        Holes *h = holes + t->hole - 1;
        if (delta(h->high[h->n - 1], e->next) > MAX_WITHOUT_ACK) { e->flags |= E_SKIP; drop_holes(t); }
    }
}
INLINE int clean(const End *e) { return e->state == ESTABLISHED || (e->state == CLOSED && e->prev == ESTABLISHED); }
static void gap(End *e, End *pe, Tail *t, Cold *c, i64 size, int is_orig) {
    if (size > 0 && clean(e) && clean(pe)) {
        if (t->gaps < 255) t->gaps++;
        if (at_threshold(t->gaps)) add_letter(c, L_GAP, is_orig);
        c->missed += size;
    }
}
static void acknowledged(End *e, End *pe, Tail *t, Cold *c, int flow, u32 ack, int is_orig) {
    if (t->fins && delta(ack, t->fin_seq) >= 0) ack = t->fin_seq - 1;
    if (delta(ack, e->next) <= 0 || (flow & F_PARTIAL && ack - e->start <= 2)) return;
    if (!(e->flags & E_SKIP)) {
        while (t->hole) {
            Holes *h = holes + t->hole - 1;
            if (delta(h->low[0], ack) >= 0) break;
            gap(e, pe, t, c, delta(h->low[0], e->next), is_orig);
            e->next = h->low[0];
            advance(e, t);
        }
        if (delta(ack, e->next) > 0) gap(e, pe, t, c, delta(ack, e->next), is_orig);
    }
    if (delta(ack, e->next) > 0) { e->next = ack; advance(e, t); }
}
static int holds_data(const End *e, const Tail *t) {
    if (t->hole) return 1;
    if (e->state == INACTIVE || e->flags & E_SKIP) return 0;
    i64 unacked = delta(e->next, e->ack);
    if (unacked > MAX_WITHOUT_ACK && nothing_acked(e, t)) return 0;
    return unacked > 0 && e->next - e->start > 1;
}
static int pending(const End *e, const End *pe, const Tail *pt) {
    if (e->flags & E_SKIP) return 0;
    i64 ahead = delta(e->last, e->next);
    if (ahead < 0) return 0;
    return ahead > 1 || (e->state != RESET && holds_data(pe, pt));
}
static int close_end(End *e, End *pe, Tail *t, Tail *pt, Key *key, Cold *c, int flow) {
    (void)t;
    if (pending(e, pe, pt)) return flow | F_DEFERRED;
    flow &= ~F_DEFERRED;
    if (e->flags & E_CLOSED) return flow;
    e->flags |= E_CLOSED;
    if (e->state == RESET || pe->flags & E_CLOSED || pe->state == INACTIVE) { c->until = key->last + CLOSE_DELAY; flow |= F_UNTIL; }
    return flow;
}
static int end_of_stream(End *e, End *pe, Tail *t, Tail *pt, Key *key, Cold *c, int flow) {
    if (e->flags & E_EOF || !(t->fins || e->state == CLOSED || e->state == RESET) || pending(e, pe, pt)) return flow;
    e->flags |= E_EOF;
    if (flow & F_DEFERRED) flow = close_end(e, pe, t, pt, key, c, flow) & ~F_DEFERRED;
    return flow;
}

/* ---- sensor/flows/tcp.py ---- */

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, TOO_LARGE = 1048576 };
#define SECOND 1000000000ll
#define ATTEMPT (5 * SECOND)
static int set_state(End *e, End *pe, int state, int flow) {
    if (state != e->state) {
        if (e->state <= SYN_ACK_SENT && pe->state <= SYN_ACK_SENT && state > SYN_ACK_SENT) flow |= F_LONG;
        e->prev = e->state;
        e->state = state;
    }
    return flow;
}
static void start_numbers(End *e, Tail *t, u32 seq, u32 past) {
    u32 shift = seq - e->start;
    e->next += shift;
    if (t->hole) {
        Holes *h = holes + t->hole - 1;
        for (i64 k = 0; k < h->n; k++) { h->low[k] += shift; h->high[k] += shift; }
    }
    e->start = e->ack = seq;
    e->last = past;
}
static void init_endpoint(End *e, Tail *t, int syn, u32 seq, u32 past) {
    int state = e->state;
    if (state == INACTIVE) {
        if (syn) { e->start = e->ack = seq; e->last = past; }
        else { e->start = e->ack = seq - 1; e->last = seq; }
        e->next = e->start + 1;
    } else if (syn) {
        if (state == SYN_SENT || state == SYN_ACK_SENT) { if (seq != e->start) start_numbers(e, t, seq, past); }
        else if (state == ESTABLISHED || state == PARTIAL || (state == RESET && e->prev == INACTIVE)) start_numbers(e, t, seq, past);
    }
}
static int below_start(const End *e, u32 number, u32 reference, i64 wraps) {
    i64 ahead = delta(number, reference);
    if (ahead < 0) { if (wraps && number > reference) wraps--; }
    else if (ahead > 0 && number < reference) wraps++;
    return wraps == 0 && (i64)(u32)(reference - e->start) + ahead < 0;
}
static void flag_history(End *e, Tail *t, Cold *c, int flags, u32 seq, i64 size, int is_orig) {
    int control = !!(flags & SYN) + !!(flags & FIN) + !!(flags & RST);
    if (!control) {
        if (size) { once(c, 5, L_DATA, is_orig); e->flags |= E_DATA; }
        else if (flags & ACK) { once(c, 6, L_ACK, is_orig); e->flags |= E_ACK; }
        return;
    }
    if (control > 1) {
        if (flags & FIN && flags & RST) once(c, 3, L_FINRST, is_orig);
        else once(c, 4, L_MULTI, is_orig);
        return;
    }
    u16 place = (u16)(seq - e->start);
    if (flags & SYN) {
        int code = flags & ACK ? L_HANDSHAKE : L_SYN;
        if (once(c, 0, code, is_orig) && place != t->last_syn) add_letter(c, code, is_orig);
        t->last_syn = place;
    } else if (flags & FIN) {
        place = (u16)(place + size);
        if (once(c, 1, L_FIN, is_orig) && place != t->last_fin) add_letter(c, L_FIN, is_orig);
        t->last_fin = place;
    } else {
        if (once(c, 2, L_RST, is_orig) && place != t->last_rst) add_letter(c, L_RST, is_orig);
        t->last_rst = place;
    }
}
static void note_zero_window(Tail *t, Cold *c, int is_orig) {
    if (t->zero_window < 65535) t->zero_window++;
    if (at_threshold(t->zero_window)) add_letter(c, L_ZERO, is_orig);
}
static void move_ack(End *pe, Tail *pt, u32 ack) {
    i64 ahead = delta(ack, pe->ack);
    if (ahead > 0 && !(ack == 0 && ahead > TOO_LARGE)) {
        if (ack < pe->ack) { pt->ack_wraps++; pe->flags |= E_ODD; }
        pe->ack = ack;
    }
}
static void move_last(End *e, Tail *t, Cold *c, u32 past, int flags, i64 size, int is_orig) {
    i64 ahead = delta(past, e->last);
    if (flags & (SYN | RST) && (ahead > TOO_LARGE || ahead < -TOO_LARGE)) return;
    int forced = flags & FIN && e->last == e->start + 1;
    if (forced || (e->state != RESET && ahead > 0)) {
        if (past < e->last) { t->seq_wraps++; e->flags |= E_ODD; }
        e->last = past;
    } else if (e->state != RESET && size > 0) {
        if (t->rexmit < 65535) t->rexmit++;
        if (at_threshold(t->rexmit)) add_letter(c, L_REXMIT, is_orig);
    }
}
static int from_inactive(End *e, End *pe, Cold *c, i64 ts, int flags, u32 seq, i64 size, int is_orig, int flow) {
    if (flags & SYN) {
        if (is_orig) {
            flow = set_state(e, pe, flags & ACK ? SYN_ACK_SENT : SYN_SENT, flow);
            c->until = ts + ATTEMPT;
        } else {
            if (!(flags & ACK) && pe->state == SYN_ACK_SENT && seq == e->start) {
                flow = (flow ^ F_FLIPPED) & ~F_PARTIAL;
                add_letter(c, L_FLIP, 1);
                flow = set_state(pe, e, ESTABLISHED, flow);
            }
            if (pe->state == SYN_SENT) flow = set_state(pe, e, ESTABLISHED, flow);
            flow = set_state(e, pe, ESTABLISHED, flow);
        }
    }
    if (flags & FIN) flow = set_state(e, pe, CLOSED, flow);
    if (flags & RST) flow = set_state(e, pe, RESET, flow);
    if (e->state == INACTIVE) {
        if (!is_orig && size == 0 && pe->state == SYN_SENT) {
        } else if (flags & ACK && pe->state == ESTABLISHED) {
            flow = set_state(e, pe, ESTABLISHED, flow) & ~F_PARTIAL;
            e->flags |= E_SEEN;
        } else flow = set_state(e, pe, PARTIAL, flow);
    }
    return flow;
}
static int next_state(End *e, End *pe, Cold *c, i64 ts, int flags, u32 seq, i64 size, int is_orig, int flow, int *closes) {
    int state = e->state;
    *closes = (flags & (FIN | RST)) != 0;
    if (state == INACTIVE) return from_inactive(e, pe, c, ts, flags, seq, size, is_orig, flow);
    if (state == SYN_SENT || state == SYN_ACK_SENT) {
        if (flags & FIN) flow = set_state(e, pe, CLOSED, flow);
        if (flags & RST) flow = set_state(e, pe, RESET, flow);
        return flow;
    }
    if (state == ESTABLISHED || state == PARTIAL) {
        if (flags & SYN && state == PARTIAL && pe->state == INACTIVE && !(flags & ACK)) flow = set_state(e, pe, SYN_SENT, flow);
        if (flags & FIN && !(flags & RST)) {
            flow = set_state(e, pe, CLOSED, flow);
            if (pe->state == RESET && pe->prev == CLOSED) flow = set_state(pe, e, CLOSED, flow);
        }
        if (flags & RST) flow = set_state(e, pe, RESET, flow);
        return flow;
    }
    *closes = 0;
    if (state == CLOSED && flags & RST && pe->state != CLOSED) {
        flow = set_state(e, pe, RESET, flow);
        *closes = !(e->flags & E_CLOSED);
    }
    return flow;
}
static int is_reuse(const End *orig, const End *resp, int flags, u32 seq) {
    if (!(flags & SYN)) return 0;
    const End *opener = orig;
    if (flags & ACK) {
        if (orig->state != INACTIVE) return 0;
        opener = resp;
    }
    if (orig->flags & E_CLOSED && resp->flags & E_CLOSED) return 1;
    if (seq == opener->start) return 0;
    return !(!(flags & ACK) && opener->state == SYN_ACK_SENT && resp->state == INACTIVE && seq == resp->start);
}
static int segment(const Packet *p, Key *key, End *e, End *pe, Tail *t, Tail *pt, Cold *c, int flow, int is_orig) {
    int flags = p->flags, syn = flags & SYN, acks = 0, closes;
    i64 size = p->pay_len;
    u32 seq = p->seq;
    if (!(e->flags & E_SEEN)) {
        if (is_orig) flow = !syn || flags & ACK ? flow | F_PARTIAL : flow & ~F_PARTIAL;
        else if (!(flow & F_PARTIAL) && !syn) flow |= F_PARTIAL;
    }
    u32 past = seq + (flags & RST ? 0 : (u32)size) + !!syn + !!(flags & FIN);
    init_endpoint(e, t, syn, seq, past);
    int underflow = below_start(e, seq, e->last, t->seq_wraps);
    flag_history(e, t, c, flags, seq, size, is_orig);
    if (p->status & ZERO_WINDOW && !(flags & RST) && pe->state != CLOSED && e->state != RESET) note_zero_window(t, c, is_orig);
    if (!(e->flags & E_CLOSED && pe->flags & E_CLOSED)) key->last = p->ts;
    if (flags & FIN) { t->fins = 1; t->fin_seq = past; }
    if (flags & ACK) {
        if (pe->state == INACTIVE) {
            pe->start = pe->ack = pe->last = p->ack - 1;
            pe->next = p->ack;
            acks = 1;
        } else if (!below_start(pe, p->ack, pe->ack, pt->ack_wraps)) {
            acks = 1;
            if (!(flags & RST)) move_ack(pe, pt, p->ack);
        }
    }
    move_last(e, t, c, past, flags, size, is_orig);
    flow = next_state(e, pe, c, p->ts, flags, seq, size, is_orig, flow, &closes);
    if (acks && pe->state != INACTIVE) {
        acknowledged(pe, e, pt, c, flow, p->ack, !is_orig);
        flow = end_of_stream(pe, e, pt, t, key, c, flow);
    }
    e->flags |= E_SEEN;
    if (size > 0 && p->pay_cap >= p->pay_len && !(flags & RST) && !underflow) data_seen(e, t, seq + !!syn, size);
    flow = end_of_stream(e, pe, t, pt, key, c, flow);
    if (closes) flow = close_end(e, pe, t, pt, key, c, flow);
    return flow;
}
static i64 sent_bytes(const End *e, const End *pe, const Tail *t) {
    int silent = delta(e->ack, e->start) <= 1 && delta(e->ack, e->start) >= 0;
    if (e->state == INACTIVE && !e->pkts && !e->start && !e->last) return 0;
    if (e->prev == SYN_SENT && e->state == RESET && pe->state == INACTIVE && !silent) return 0;
    i64 last = (i64)e->last + ((i64)t->seq_wraps << 32), ack = (i64)e->ack + ((i64)t->ack_wraps << 32);
    i64 size = MAX(last, ack) - e->start;
    if (size > 0) size--;
    if (t->fins && size > 0) size--;
    return MAX(size, 0);
}
static i64 end_time(const Key *key, const Cold *c, int flow, const End *orig, const End *resp) {
    if (flow & F_UNTIL) return c->until;
    i64 end = key->last + (flow & F_LONG ? 300 * SECOND : 60 * SECOND);
    if (flow & F_LONG && orig->state != PARTIAL && resp->state != PARTIAL) {
        int responder = key->k4 >> (flow & F_FLIPPED ? 48 : 32) & 0xFFFF;
        if (responder == 21 || responder == 22 || responder == 23 || responder == 513) end = key->last + 3600 * SECOND;
    }
    if ((orig->state == SYN_SENT || orig->state == SYN_ACK_SENT) && resp->state == INACTIVE && c->until) return MIN(end, c->until);
    int co = orig->flags & E_CLOSED, cr = resp->flags & E_CLOSED;
    int over = (co || cr) && ((co && cr) || orig->state == RESET || resp->state == RESET || orig->state == INACTIVE || resp->state == INACTIVE);
    if (over || (orig->state == INACTIVE && resp->state == INACTIVE)) return MIN(end, key->last + 5 * SECOND);
    return end;
}

/* ---- sensor/flows/ports.py ---- */

static const u16 TCP_PORTS[] = {
    21, 2811, 79, 80, 81, 631, 1080, 3128, 8000, 8080, 8888, 143, 6666, 6667, 6668, 6669, 88, 389, 3268, 1434, 3306,
    3389, 135, 139, 445, 25, 587, 22, 443, 563, 585, 614, 636, 989, 990, 992, 993, 995, 5223, 5222, 5269, 110, 502,
    20000, 53, 1883, 5432, 6379};
static const u16 UDP_PORTS[] = {53, 137, 5353, 5355, 67, 88, 389, 123, 161, 162, 514, 1812, 443, 784, 853, 3389, 5060, 20000, 3544, 5072, 2152, 2123, 4789, 6081};
static u8 likely[2][65536];

/* ---- sensor/flows/export.py ---- */

enum { S0 = 1, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH };
static u64 networks[64];
static i64 n_networks;

static void add_network(u64 mask_hi, u64 mask_lo, u64 hi, u64 lo) {
    u64 *w = networks + 4 * n_networks++;
    w[0] = mask_hi; w[1] = mask_lo; w[2] = hi; w[3] = lo;
}
static int is_local(u64 hi, u64 lo) {
    if (!n_networks) return -1;
    for (i64 k = 0; k < 4 * n_networks; k += 4)
        if ((hi & networks[k]) == networks[k + 2] && (lo & networks[k + 1]) == networks[k + 3]) return 1;
    return 0;
}
static int reset_after_syn(const Cold *c) {
    int n = c->hist_len, at = 0;
    if (n && letter_at(c, 0) == L_FLIP) at = 1;
    if (at >= n || letter_at(c, at) != L_SYN) return 0;
    for (int k = at + 1; k < n; k++) {
        u64 code = letter_at(c, k);
        if (code == L_RST) return 1;
        if (code == L_HANDSHAKE || code == L_ACK || code == L_FIN || code == L_GAP || code == L_FINRST || code == L_MULTI) return 0;
    }
    return 0;
}
static int tcp_conn_state(int o, int r, i64 orig_bytes, i64 resp_bytes, const Cold *c) {
    int o_quiet = o == INACTIVE || o == PARTIAL, r_quiet = r == INACTIVE || r == PARTIAL;
    if (r == RESET) {
        if (o == SYN_SENT || o == SYN_ACK_SENT || (o == RESET && !orig_bytes && !resp_bytes)) return REJ;
        return o_quiet ? RSTRH : RSTR;
    }
    if (o == RESET) return !r_quiet ? RSTO : reset_after_syn(c) ? RSTOS0 : OTH;
    if (r == CLOSED && o == CLOSED) return SF;
    if (o == CLOSED) return r_quiet ? SH : S2;
    if (r == CLOSED) return o_quiet ? SHR : S3;
    if (o == SYN_SENT && r == INACTIVE) return S0;
    if (o == ESTABLISHED && r == ESTABLISHED) return S1;
    return OTH;
}
static void write_flow(i64 r, int why) {
    const Key *key = keys + r;
    const Cold *c = colds + r;
    int flipped = ends[2 * r].flow & F_FLIPPED;
    const End *o = ends + 2 * r + flipped, *e = ends + 2 * r + 1 - flipped;
    const Tail *to = tails + 2 * r + flipped, *te = tails + 2 * r + 1 - flipped;
    const Context *x = contexts + c->ctx;
    Flow *f = sink + st.out++;
    int proto = key->k4 >> 24 & 0xFF;
    u16 low = key->k4 >> 48, high = key->k4 >> 32;
    f->ts = c->first; f->duration = MAX(key->last - c->first, 0); f->proto = proto;
    if (flipped) {
        f->orig_hi = key->k2; f->orig_lo = key->k3; f->resp_hi = key->k0; f->resp_lo = key->k1;
        f->orig_p = high; f->resp_p = low; f->orig_l2 = x->mac1; f->resp_l2 = x->mac0;
    } else {
        f->orig_hi = key->k0; f->orig_lo = key->k1; f->resp_hi = key->k2; f->resp_lo = key->k3;
        f->orig_p = low; f->resp_p = high; f->orig_l2 = x->mac0; f->resp_l2 = x->mac1;
    }
    f->local_orig = is_local(f->orig_hi, f->orig_lo);
    f->local_resp = is_local(f->resp_hi, f->resp_lo);
    f->conn_state = OTH;
    if (proto == 6) {
        f->orig_bytes = sent_bytes(o, e, to); f->resp_bytes = sent_bytes(e, o, te);
        f->conn_state = tcp_conn_state(o->state, e->state, f->orig_bytes, f->resp_bytes, c);
    } else {
        f->orig_bytes = (i64)o->start + ((i64)o->last << 32);
        f->resp_bytes = (i64)e->start + ((i64)e->last << 32);
        if (proto == 17) {
            if (o->state == ACTIVE) f->conn_state = e->state == ACTIVE ? SF : S0;
            else if (e->state == ACTIVE) f->conn_state = SHR;
        }
    }
    f->missed_bytes = c->missed;
    f->orig_pkts = o->pkts; f->resp_pkts = e->pkts;
    f->orig_ip_bytes = o->ip_bytes; f->resp_ip_bytes = e->ip_bytes;
    f->vlan = x->vlan; f->inner_vlan = x->inner_vlan; f->tunnel = x->tunnel; f->tunnel_id = x->tunnel_id;
    f->size_sq = key->size_sq; f->gap_sq = key->gap_sq; f->why = why;
    f->input = 0; f->offset = c->ordinal;
    u64 h = mix(mix(st.seed, key->k1 ^ key->k3), key->k4 ^ key->k0 ^ key->k2);
    h = mix(mix(mix(h, (u64)c->first), (u64)c->ordinal), 0) | 1;
    f->uid[0] = 'C';
    for (int k = 0; k < 13; k++) f->uid[13 - k] = "0123456789ABCDEFGHIJKLMNOPQRSTUV"[h >> (5 * k) & 31];
    memset(f->history, 0, 32);
    for (int k = 0; k < c->hist_len; k++) {
        u64 code = letter_at(c, k);
        f->history[k] = LETTERS[code & 15] | (code & LOWER ? 32 : 0);
    }
    memset(f->service, 0, 24);
}

/* ---- sensor/flows/table.py ---- */

#define FAR 0xFFFFFFFFu
INLINE i64 find(const Packet *p) {
    i64 at = p->h & mask;
    for (;;) {
        u64 entry = index_[at];
        if (!entry) return -1;
        if ((u32)(entry >> 32) == p->h) {
            i64 r = (i64)(entry & 0xFFFFFFFF) - 1;
            const Key *k = keys + r;
            if (k->k1 == p->k1 && k->k3 == p->k3 && k->k4 == p->k4 && k->k0 == p->k0 && k->k2 == p->k2) return r;
        }
        at = (at + 1) & mask;
    }
}
INLINE i64 hash_of(i64 r) {
    const Key *k = keys + r;
    return key_hash(st.seed, k->k0, k->k1, k->k2, k->k3, k->k4);
}
static void unlink_record(i64 r) {
    Key *k = keys + r;
    i64 at = hash_of(r) & mask;
    while ((i64)(index_[at] & 0xFFFFFFFF) - 1 != r) at = (at + 1) & mask;
    i64 hole = at, scan = at;
    for (;;) {
        scan = (scan + 1) & mask;
        u64 entry = index_[scan];
        if (!entry) break;
        i64 home = (i64)(entry >> 32) & mask;
        if (((scan - home) & mask) >= ((scan - hole) & mask)) { index_[hole] = entry; hole = scan; }
    }
    index_[hole] = 0;
    drop_holes(tails + 2 * r);
    drop_holes(tails + 2 * r + 1);
    k->k4 = 0; k->last = 0;
    due[r] = FAR;
    free_records[st.free++] = r;
    st.live--;
}
static i64 take_record(void) {
    i64 r;
    if (st.free > 0) r = free_records[--st.free];
    else if (st.high < capacity) r = st.high++;
    else return -1;
    st.live++;
    return r;
}
static i64 victim(void) {
    i64 best = st.hand;
    for (i64 k = 0; k < MIN(EVICTION_LOOK, capacity); k++) {
        i64 r = (st.hand + k) % capacity;
        if (keys[r].last < keys[best].last) best = r;
    }
    st.hand = (st.hand + EVICTION_LOOK) % capacity;
    return best;
}
static u32 context(const u8 *b, const Packet *p) {
    u64 low = 0, high = 0;
    if (p->frame_off != NO_FRAME) {
        i64 at = p->frame_off;
        u64 target = (u64)be16(b, at) << 32 | be32(b, at + 2), source = (u64)be16(b, at + 6) << 32 | be32(b, at + 8);
        low = p->dir ? target : source;
        high = p->dir ? source : target;
    } else if (!p->vlan && !p->tunnel) return 0;
    u64 tags = (u64)p->vlan << 48 | (u64)p->inner_vlan << 32 | p->ctx;
    i64 at = mix(mix(mix(st.seed ^ low, high), tags), p->tunnel) >> 40 & (2 * CONTEXT_ROWS - 1);
    while (context_index[at]) {
        const Context *c = contexts + context_index[at];
        if (c->mac0 == low && c->mac1 == high && c->vlan == p->vlan && c->inner_vlan == p->inner_vlan && c->tunnel == p->tunnel && c->tunnel_id == p->ctx)
            return context_index[at];
        at = (at + 1) & (2 * CONTEXT_ROWS - 1);
    }
    if (st.contexts == CONTEXT_ROWS) return 0;
    contexts[st.contexts] = (Context){low, high, p->ctx, p->vlan, p->inner_vlan, p->tunnel, 0};
    context_index[at] = st.contexts;
    return st.contexts++;
}

/* ---- sensor/flows/update.py ---- */

#define IDLE (60 * SECOND)
#define LONG_IDLE (300 * SECOND)
#define DNS_CHECK (10 * SECOND)
#define DNS_IDLE (9 * SECOND)
enum { SWEEP_S = 10, BATCH = 16, LEFT = 8 };
enum { WHY_ENDED, WHY_TIMEOUT, WHY_INTERVAL, WHY_EVICTED, WHY_INPUT };
INLINE int proto_of(u64 k4) { return k4 >> 24 & 0xFF; }

static i64 ends_at(i64 r) {
    if (proto_of(keys[r].k4) != 6) {
        int responder = keys[r].k4 >> (ends[2 * r].flow & F_FLIPPED ? 48 : 32) & 0xFFFF;
        if (proto_of(keys[r].k4) == 17 && (responder == 53 || responder == 137 || responder == 5353 || responder == 5355)) {
            i64 opened = colds[r].first;
            return opened + ((MAX(keys[r].last - opened, 0) + DNS_IDLE - 1) / DNS_CHECK + 1) * DNS_CHECK;
        }
        return keys[r].last + IDLE;
    }
    int flow = ends[2 * r].flow;
    i64 orig = 2 * r + (flow & F_FLIPPED);
    return end_time(keys + r, colds + r, flow, ends + orig, ends + (orig ^ 1));
}
static void set_due(i64 r, i64 moment) {
    if (st.interval) moment = MIN(moment, colds[r].first + st.interval * (ends[2 * r + 1].flow + 1));
    i64 s = moment / SECOND - st.base_s;
    due[r] = (u32)MAX(0, MIN(s, 0xFFFFFFFE));
}
INLINE int has_room(void) { return st.out + 2 <= FLOW_ROWS; }
static void release_record(i64 r, int why) { write_flow(r, why); unlink_record(r); }
INLINE void ask_index(const Packet *p) { __builtin_prefetch(index_ + (p->h & mask), 1); }
INLINE i64 likely_record(const Packet *p) { return (i64)(index_[p->h & mask] & 0xFFFFFFFF) - 1; }
INLINE void ask_hot(i64 r) {
    __builtin_prefetch(keys + r, 1);
    __builtin_prefetch(ends + 2 * r, 1);
}
INLINE void ask_cold(i64 r) {
    __builtin_prefetch(colds + r, 1);
    __builtin_prefetch((u8 *)(colds + r) + 48, 1);
    __builtin_prefetch(tails + 2 * r, 1);
    __builtin_prefetch((u8 *)(tails + 2 * r) + 40, 1);
}
INLINE void ask_records(const Packet *packets, i64 first, i64 stop) {
    i64 left = st.free;
    for (i64 j = first; j < stop; j++) {
        i64 r = likely_record(packets + j);
        if (r >= 0) ask_hot(r);
        else if (left > 0) {
            r = free_records[--left];
            ask_hot(r);
            ask_cold(r);
        }
    }
}
INLINE void ask_rest(const Packet *p) {
    i64 r = likely_record(p);
    if (r >= 0) {
        const End *e = ends + 2 * r + p->dir;
        if (e->flags & E_WANTED || p->flags & (SYN | FIN | RST) || (e->state != ESTABLISHED && e->state != ACTIVE)) ask_cold(r);
    }
}
static void visit(i64 r) {
    i64 now = st.clock, end = ends_at(r);
    if (now >= end) { release_record(r, ends[2 * r].flow & F_UNTIL ? WHY_ENDED : WHY_TIMEOUT); return; }
    if (st.interval) {
        i64 reports = MIN((now - colds[r].first) / st.interval, 255);
        if (reports > ends[2 * r + 1].flow) { write_flow(r, WHY_INTERVAL); ends[2 * r + 1].flow = reports; }
    }
    set_due(r, MAX(end, now + SECOND));
}
NOINLINE int sweep(void) {
    u32 now_s = (u32)MAX(0, st.clock / SECOND - st.base_s);
    i64 first = st.sweep_at, high = st.high;
    while (first < high) {
        i64 block = first - first % SWEEP_BLOCK;
        u32 soonest = due[block];
        for (i64 k = block + 1; k < block + SWEEP_BLOCK; k++) soonest = MIN(soonest, due[k]);
        if (soonest <= now_s) {
            i64 stop = MIN(block + SWEEP_BLOCK, high);
            for (i64 r = first; r < stop; r++) if (due[r] <= now_s) { ask_hot(r); ask_cold(r); }
            for (i64 r = first; r < stop; r++) if (due[r] <= now_s) __builtin_prefetch(index_ + (hash_of(r) & mask), 1);
            for (i64 r = first; r < stop; r++)
                if (due[r] <= now_s) {
                    if (!has_room()) { st.sweep_at = r; return 0; }
                    visit(r);
                }
        }
        first = block + SWEEP_BLOCK;
    }
    st.sweep_at = -1;
    return 1;
}
static int flips(const Packet *p, int proto) {
    u16 low = p->k4 >> 48, high = p->k4 >> 32, source = p->dir ? high : low, target = p->dir ? low : high;
    if (proto == 17) {
        if ((p->dir ? p->k1 : p->k3) == 0xFFFFFFFFFFFFull && (p->dir ? p->k0 : p->k2) == 0) return 0;
        return likely[1][source] && !likely[1][target];
    }
    if (proto != 6 || (p->flags & SYN && !(p->flags & ACK)) || !likely[0][source]) return 0;
    if (likely[0][target]) return !(p->flags & SYN) && source < target;
    return 1;
}
static void begin(const u8 *b, const Packet *p, i64 r) {
    int proto = proto_of(p->k4);
    keys[r] = (Key){p->k0, p->k1, p->k2, p->k3, p->k4, p->ts, 0, 0};
    colds[r] = (Cold){p->ts, 0, st.ordinal + p->nth, 0, 0, 0, context(b, p), 0, 0, 0};
    for (int side = 0; side < 2; side++) {
        ends[2 * r + side] = (End){.flags = proto == 6 || proto == 17 ? E_WANTED : 0};
        tails[2 * r + side] = (Tail){.left = LEFT};
    }
    if (flips(p, proto)) {
        add_letter(colds + r, L_FLIP, 1);
        ends[2 * r].flow = p->dir ? 0 : F_FLIPPED;
    } else ends[2 * r].flow = p->dir ? F_FLIPPED : 0;
    st.opened++;
    set_due(r, proto == 6 ? p->ts + 5 * SECOND : ends_at(r));
}
INLINE void count(End *e, Key *key, const Packet *p) {
    e->pkts++;
    e->ip_bytes += p->ip_len;
    key->size_sq += (double)p->ip_len * (double)p->ip_len;
}
static void bad_checksum(Tail *t, Cold *c, int is_orig) {
    if (t->bad_sum < 255) t->bad_sum++;
    if (at_threshold(t->bad_sum)) add_letter(c, L_CHECKSUM, is_orig);
}
NOINLINE void account(const Packet *p, i64 r) {
    Key *key = keys + r;
    Cold *c = colds + r;
    i64 side = 2 * r + p->dir;
    End *e = ends + side, *pe = ends + (side ^ 1), *head = ends + 2 * r;
    Tail *t = tails + side;
    int flow = head->flow, is_orig = (flow & F_FLIPPED) == p->dir, proto = proto_of(p->k4);
    i64 before = key->last;
    if (proto == 6) {
        if (p->status & (BAD_CHECKSUM | BAD_HEADER)) {
            if (p->status & BAD_CHECKSUM) bad_checksum(t, c, is_orig);
            return;
        }
        int after = segment(p, key, e, pe, t, tails + (side ^ 1), c, flow, is_orig);
        head->flow = after;
        if (p->flags & (FIN | RST) || (after & F_UNTIL) != (flow & F_UNTIL)) set_due(r, p->ts + 5 * SECOND);
    } else {
        if (p->status & BAD_CHECKSUM) {
            if (proto == 17) bad_checksum(t, c, is_orig);
            return;
        }
        key->last = p->ts;
        e->state = ACTIVE;
        if (proto == 17) { once(c, 5, L_DATA, is_orig); e->flags |= E_DATA; }
        if (proto == 17 || proto == 1 || proto == 58) {
            u64 low = (u64)e->start + p->pay_len;
            e->start = (u32)low;
            e->last += (u32)(low >> 32);
        }
    }
    if (pe->pkts || e->pkts) { double g = (double)(p->ts - before) * 1e-9; key->gap_sq += g * g; }
    count(e, key, p);
    if (e->flags & E_WANTED && p->pay_cap) e->flags &= ~E_WANTED;
}
INLINE int quick(Key *key, Cold *c, End *e, End *pe, const End *head, const Packet *p) {
    int proto = proto_of(p->k4);
    i64 elapsed = p->ts - key->last;
    if (proto == 6) {
        if ((p->flags & (SYN | FIN | RST | ACK)) != ACK || p->status || e->state != ESTABLISHED || pe->state != ESTABLISHED
            || (head->flow & (F_LONG | F_UNTIL | F_DEFERRED)) != F_LONG || elapsed >= LONG_IDLE || (e->flags | pe->flags) & (E_ODD | E_SKIP)
            || p->seq != e->last || p->seq != e->next || p->ack < pe->ack || p->ack > pe->next
            || p->pay_cap < p->pay_len) return 0;
        u64 past = (u64)p->seq + p->pay_len;
        if (past > 0xFFFFFFFF || pe->next < pe->ack) return 0;
        e->last = e->next = (u32)past;
        pe->ack = p->ack;
        int letter = p->pay_len ? E_DATA : E_ACK;
        if (!(e->flags & letter)) {
            e->flags |= letter;
            once(c, p->pay_len ? 5 : 6, p->pay_len ? L_DATA : L_ACK, (head->flow & F_FLIPPED) == p->dir);
        }
    } else if (proto == 17) {
        if (p->status & BAD_CHECKSUM || !(e->flags & E_DATA) || elapsed >= DNS_IDLE) return 0;
        u64 low = (u64)e->start + p->pay_len;
        e->start = (u32)low;
        e->last += (u32)(low >> 32);
    } else return 0;
    double g = (double)elapsed * 1e-9;
    key->gap_sq += g * g;
    key->last = p->ts;
    count(e, key, p);
    return 1;
}
NOINLINE void settle_slowly(const u8 *b, const Packet *p, i64 r) {
    if (r >= 0) {
        int over = st.clock >= ends_at(r), reused = 0;
        if (!over && proto_of(p->k4) == 6) {
            i64 orig = 2 * r + (ends[2 * r].flow & F_FLIPPED);
            reused = p->flags & SYN && is_reuse(ends + orig, ends + (orig ^ 1), p->flags, p->seq);
        }
        if (over || reused) {
            release_record(r, reused || ends[2 * r].flow & F_UNTIL ? WHY_ENDED : WHY_TIMEOUT);
            r = -1;
        }
    }
    if (r < 0) {
        r = take_record();
        if (r < 0) {
            release_record(victim(), WHY_EVICTED);
            st.evicted++;
            r = take_record();
        }
        begin(b, p, r);
        i64 at = p->h & mask;
        while (index_[at]) at = (at + 1) & mask;
        index_[at] = (u64)p->h << 32 | (u64)(r + 1);
    }
    account(p, r);
}
static int sweep_due(void) {
    if (st.clock < st.next_sweep) return 0;
    st.next_sweep = (st.clock / SECOND + 1) * SECOND;
    if (st.since << 5 < st.high && st.clock - st.last_sweep < SWEEP_S * SECOND) return 0;
    st.last_sweep = st.clock; st.since = 0; st.sweep_at = 0;
    return 1;
}
NOINLINE i64 update(const u8 *b, const Packet *packets, i64 i, i64 n) {
    if (st.sweep_at >= 0 && !sweep()) return i;
    if (i < n && !st.clock) {
        i64 ts = packets[i].ts;
        st.clock = ts; st.base_s = ts / SECOND - 1; st.next_sweep = (ts / SECOND + 1) * SECOND; st.last_sweep = ts;
    }
    for (i64 j = i; j < MIN(i + 2 * BATCH, n); j++) ask_index(packets + j);
    ask_records(packets, i, MIN(i + BATCH, n));
    while (i < n) {
        i64 stop = MIN(i + BATCH, n);
        for (i64 j = MIN(i + 2 * BATCH, n); j < MIN(i + 3 * BATCH, n); j++) ask_index(packets + j);
        ask_records(packets, stop, MIN(i + 2 * BATCH, n));
        for (i64 j = i; j < stop; j++) ask_rest(packets + j);
        for (i64 j = i; j < stop; j++) {
            const Packet *p = packets + j;
            if (p->ts > st.clock) {
                st.clock = p->ts;
                if (sweep_due() && !sweep()) return j;
            }
            if (!has_room()) return j;
            st.since++;
            i64 r = find(p);
            if (r >= 0 && st.clock == p->ts && quick(keys + r, colds + r, ends + 2 * r + p->dir, ends + ((2 * r + p->dir) ^ 1), ends + 2 * r, p)) {
                End *e = ends + 2 * r + p->dir;
                if (e->flags & E_WANTED && p->pay_cap) e->flags &= ~E_WANTED;
                continue;
            }
            settle_slowly(b, p, r);
        }
        i = stop;
    }
    return i;
}
static int flush(void) {
    i64 r = MAX(st.sweep_at, 0);
    for (; r < st.high; r++) {
        if (keys[r].last || keys[r].k4) {
            if (!has_room()) { st.sweep_at = r; return 0; }
            release_record(r, st.clock < ends_at(r) ? WHY_INPUT : ends[2 * r].flow & F_UNTIL ? WHY_ENDED : WHY_TIMEOUT);
        }
    }
    st.sweep_at = -1; st.high = st.free = 0;
    return 1;
}

/* ---- sensor/packets/reader.py, pcap.py, sensor/flows/engine.py ---- */

enum { CHUNK = 1 << 20, LARGEST_RECORD = 262144, SCRATCH_AT = CHUNK + (1 << 20), SCRATCH = 1 << 20, PACKET_ROWS = 512, ARP_ROWS = 4096 };
static FILE *rows_out;
static i64 flows;

static void collect(void) {
    flows += st.out;
    if (rows_out && fwrite(sink, sizeof(Flow), st.out, rows_out) != (size_t)st.out) { perror("rows"); exit(1); }
    st.out = 0;
}
static i64 walk(const u8 *b, i64 pos, i64 end, Frame *frames, i64 *n) {
    while (pos + 16 <= end) {
        i64 captured = raw32(b + pos + 8), start = pos + 16;
        if (captured > LARGEST_RECORD) { fprintf(stderr, "damaged\n"); exit(1); }
        if (start + captured > end) break;
        frames[(*n)++] = (Frame){(i64)raw32(b + pos) * SECOND + (i64)raw32(b + pos + 4) * 1000, start, captured, raw32(b + pos + 12), 1, 0};
        pos = start + captured;
    }
    return pos;
}
static void *aligned(size_t n) {
    void *p = aligned_alloc(64, (n + 63) & ~63ull);
    if (!p) { perror("memory"); exit(1); }
    return memset(p, 0, n);
}
static void set_up(i64 max_flows) {
    st.seed = ctl.seed = 0x5350414E4C494E45ull;
    ctl.check = 1;
    st.sweep_at = -1; st.interval = 3600 * SECOND; st.contexts = 1;
    i64 size = 32;
    while (size < 2 * max_flows) size *= 2;
    mask = size - 1; capacity = max_flows;
    keys = calloc(max_flows + 1, sizeof(Key)); keys = (Key *)(((uintptr_t)keys + 63) & ~63ull);
    ends = calloc(2 * max_flows + 2, sizeof(End)); ends = (End *)(((uintptr_t)ends + 63) & ~63ull);
    colds = calloc(max_flows + 2, sizeof(Cold)); tails = calloc(2 * max_flows + 4, sizeof(Tail));
    colds = (Cold *)(((uintptr_t)colds + 63) & ~63ull); tails = (Tail *)(((uintptr_t)tails + 63) & ~63ull);
    due = malloc((max_flows + SWEEP_BLOCK) * 4); memset(due, 0xFF, (max_flows + SWEEP_BLOCK) * 4);
    free_records = calloc(max_flows, 4);
    index_ = calloc(size, 8);
    sink = aligned(FLOW_ROWS * sizeof(Flow));
    store = aligned(SLOTS * PLACE_BYTES);
    for (i64 k = 0; k < N_HOLES; k++) free_holes[k] = N_HOLES - 1 - k;
    n_free_holes = N_HOLES;
    for (size_t k = 0; k < sizeof TCP_PORTS / 2; k++) likely[0][TCP_PORTS[k]] = 1;
    for (size_t k = 0; k < sizeof UDP_PORTS / 2; k++) likely[1][UDP_PORTS[k]] = 1;
    static const u32 four[][2] = {{0x0A000000, 8}, {0xAC100000, 12}, {0xC0A80000, 16}, {0x64400000, 10}, {0xA9FE0000, 16}, {0x7F000000, 8}};
    for (int k = 0; k < 6; k++) add_network(~0ull, 0xFFFFFFFF00000000ull | (u32)(~0u << (32 - four[k][1])), 0, 0xFFFF00000000ull | four[k][0]);
    add_network(0xFE00000000000000ull, 0, 0xFC00000000000000ull, 0);
    add_network(0xFFC0000000000000ull, 0, 0xFE80000000000000ull, 0);
    add_network(~0ull, ~0ull, 0, 1);
    add_network(~0ull, ~0ull, 0, 0);
}
int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: reference CAPTURE [ROWS]\n"); return 2; }
    int fd = open(argv[1], O_RDONLY);
    if (fd < 0) { perror(argv[1]); return 1; }
    rows_out = argc > 2 ? fopen(argv[2], "wb") : NULL;
    set_up(1 << 20);
    u8 *b = aligned(SCRATCH_AT + SCRATCH);
    Frame *frames = aligned((SCRATCH_AT / 16 + 1) * sizeof(Frame));
    Packet *packets = aligned(PACKET_ROWS * sizeof(Packet));
    Arp *arps = aligned(ARP_ROWS * sizeof(Arp));
    struct timespec t0, t1, c0, c1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c0);
    i64 end = 0, pos = 0, n_packets = 0, n_bytes = 0, got;
    int header = 0;
    while ((got = read(fd, b + end, CHUNK)) > 0) {
        end += got; n_bytes += got;
        if (!header) {
            if (end < 24 || raw32(b) != 0xA1B2C3D4 || raw32(b + 20) != 1) { fprintf(stderr, "not a plain Ethernet pcap\n"); return 1; }
            header = 1; pos = 24;
        }
        i64 n = 0, i = 0;
        pos = walk(b, pos, end, frames, &n);
        ctl.scratch_end = SCRATCH_AT + SCRATCH;
        while (i < n) {
            ctl.scratch = SCRATCH_AT; ctl.packets = ctl.arps = 0;
            i = decode(b, frames, n, i, packets, PACKET_ROWS, arps, ARP_ROWS);
            for (i64 j = 0; j < ctl.packets;) {
                j = update(b, packets, j, ctl.packets);
                if (j < ctl.packets) collect();
            }
        }
        ctl.ordinal += n; st.ordinal = ctl.ordinal; n_packets += n;
        memmove(b, b + pos, end - pos);
        end -= pos; pos = 0;
    }
    drops[DROP_FRAGMENT] += waiting + given_up;
    while (!flush()) collect();
    collect();
    clock_gettime(CLOCK_MONOTONIC, &t1);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c1);
    if (rows_out) fclose(rows_out);
    i64 dropped = 0;
    for (int k = 0; k < DROPS; k++) dropped += drops[k];
    printf("{\"packets\": %ld, \"bytes\": %ld, \"flows\": %ld, \"accepted\": %ld, \"dropped\": %ld, \"evicted\": %ld, \"elapsed_s\": %.6f, \"cpu_s\": %.6f}\n",
           n_packets, n_bytes, flows, ctl.accepted, dropped, st.evicted, (t1.tv_sec - t0.tv_sec) + 1e-9 * (t1.tv_nsec - t0.tv_nsec), (c1.tv_sec - c0.tv_sec) + 1e-9 * (c1.tv_nsec - c0.tv_nsec));
    return 0;
}
