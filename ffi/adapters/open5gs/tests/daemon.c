/* A stand-in of the daemon: calls through its PLT what each line of standard input names, and prints the result.
 *
 *   nea ALGORITHM KEY COUNT BEARER DIRECTION DATA     nas TYPE ALGORITHM KEY     kgnb KEY COUNT ACCESS
 *   nia ALGORITHM KEY COUNT BEARER DIRECTION DATA     nh KEY SYNC                kamf SUPI ABBA KEY
 *   hxres RAND XRES    time ALGORITHM LENGTH    shape
 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t bytes(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned value;
    while (sscanf(hex + 2 * n, "%2x", &value) == 1)
        out[n++] = (uint8_t)value;
    return n;
}

static void print(const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++)
        printf("%02x", octets[i]);
    puts("");
}

static uint8_t room[65536];

static pkbuf packet(size_t len)
{
    pkbuf p = {.head = room, .data = room + 64, .tail = room + 64 + len, .end = room + sizeof room, .len = (unsigned)len};
    return p;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Nanoseconds of ciphering and of the MAC, the least of ten rounds. */
static void measure(unsigned algorithm, size_t len)
{
    double least[2] = {1e9, 1e9};
    uint8_t key[16] = {1}, mac[4];
    for (int round = 0; round < 10; round++) {
        double start = seconds();
        for (uint32_t i = 0; i < 2000; i++) {
            pkbuf p = packet(len);
            ogs_nas_encrypt((uint8_t)algorithm, key, i, 1, 0, &p);
        }
        double middle = seconds();
        for (uint32_t i = 0; i < 2000; i++) {
            pkbuf p = packet(len);
            ogs_nas_mac_calculate((uint8_t)algorithm, key, i, 1, 0, &p, mac);
        }
        double end = seconds();
        if (middle - start < least[0]) least[0] = middle - start;
        if (end - middle < least[1]) least[1] = end - middle;
    }
    printf("%.0f %.0f\n", least[0] / 2000 * 1e9, least[1] / 2000 * 1e9);
}

int main(void)
{
    static char line[1 << 17], a[1 << 17], b[1 << 17];
    uint8_t key[64], other[64], out[32];
    unsigned x, y, z, w;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "nea %u %s %u %u %u %s", &x, a, &y, &z, &w, b) == 6) {
            bytes(a, key);
            pkbuf p = packet(bytes(b, room + 64));
            ogs_nas_encrypt((uint8_t)x, key, y, (uint8_t)z, (uint8_t)w, &p);
            print(p.data, p.len);
        } else if (sscanf(line, "nia %u %s %u %u %u %s", &x, a, &y, &z, &w, b) == 6) {
            bytes(a, key);
            pkbuf p = packet(bytes(b, room + 64));
            ogs_nas_mac_calculate((uint8_t)x, key, y, (uint8_t)z, (uint8_t)w, &p, out);
            print(out, 4);
        } else if (sscanf(line, "nas %u %u %s", &x, &y, a) == 3) {
            bytes(a, key);
            ogs_kdf_nas_5gs((uint8_t)x, (uint8_t)y, key, out);
            print(out, 16);
        } else if (sscanf(line, "kgnb %s %u %u", a, &x, &y) == 3) {
            bytes(a, key);
            ogs_kdf_kgnb_and_kn3iwf(key, x, (uint8_t)y, out);
            print(out, 32);
        } else if (sscanf(line, "nh %s %s", a, b) == 2) {
            bytes(a, key);
            bytes(b, other);
            ogs_kdf_nh_gnb(key, other, out);
            print(out, 32);
        } else if (sscanf(line, "kamf %s %s ", a, b) == 2) {
            size_t len = bytes(b, other);
            bytes(strrchr(line, ' ') + 1, key);
            ogs_kdf_kamf(a, other, (uint8_t)len, key, out);
            print(out, 32);
        } else if (sscanf(line, "hxres %s %s", a, b) == 2) {
            bytes(a, key);
            bytes(b, other);
            ogs_kdf_hxres_star(key, other, out);
            print(out, 16);
        } else if (sscanf(line, "time %u %u", &x, &y) == 2) {
            measure(x, y);
        } else if (strncmp(line, "shape", 5) == 0) {
            pkbuf p = packet(10);
            p.tail++;
            ogs_nas_encrypt(2, key, 0, 1, 0, &p);
        } else {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }
    }
    return 0;
}
