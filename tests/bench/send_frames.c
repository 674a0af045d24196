// Put the frames of a pcap (Ethernet, microseconds or nanoseconds) onto an interface, over and over, in bursts of 32.
//   send_frames INTERFACE PCAP PACKETS_PER_S SECONDS      (0 packets a second: as fast as it goes)
// Prints how many were sent, how many the interface refused, and in which time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BURST = 32, LARGEST = 9000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    FILE *file = fopen(argv[2], "rb");
    if (!file) return perror(argv[2]), 1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    unsigned char *all = malloc(size);
    if (fread(all, 1, size, file) != (size_t)size) return 1;
    struct iovec *frames = malloc(sizeof *frames * (size / 16));
    size_t count = 0;
    for (long at = 24; at + 16 <= size;) {
        uint32_t cap;
        memcpy(&cap, all + at + 8, 4);
        if (cap >= 14 && cap <= LARGEST) frames[count++] = (struct iovec){all + at + 16, cap};
        at += 16 + cap;
    }
    int out = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1])};
    if (out < 0 || bind(out, (struct sockaddr *)&to, sizeof to)) return perror(argv[1]), 1;
    setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
    double rate = atof(argv[3]), seconds = atof(argv[4]), begin = now();
    unsigned long sent = 0, refused = 0;
    struct mmsghdr burst[BURST] = {0};
    for (size_t next = 0; now() - begin < seconds;) {
        if (rate > 0 && sent > rate * (now() - begin)) continue;
        for (int k = 0; k < BURST; k++, next = (next + 1) % count)
            burst[k].msg_hdr = (struct msghdr){.msg_iov = &frames[next], .msg_iovlen = 1};
        int done = sendmmsg(out, burst, BURST, 0);
        if (done < 0 && errno != ENOBUFS && errno != EAGAIN) return perror("sendmmsg"), 1;
        sent += done > 0 ? done : 0;
        refused += BURST - (done > 0 ? done : 0);
    }
    printf("%lu %lu %.6f\n", sent, refused, now() - begin);
    return 0;
}
