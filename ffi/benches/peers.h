/* What the contestants of the side-by-side benchmark share. */
#ifndef PEERS_H
#define PEERS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    UES = 4096,      /* each with keys and COUNT of its own */
    MESSAGES = 1024, /* of one round, each of another UE: short, so that some rounds of a loaded machine are undisturbed */
    PLAIN = 64,      /* octets of a plain message */
    PDU = 71,        /* 7E, security header type, MAC, sequence number, ciphered message */
    SLOT = 128,      /* octets of the arena for each PDU */
    LEAD = 9,        /* where the PDU begins in its slot: the ciphered message is aligned, and room is in front */
    KEYS = 32,       /* K_NASenc, K_NASint */
    BATCH_MAX = 64,
};

enum { INTEGRITY_AND_CIPHERING = 2, DOWNLINK = 1, ACCESS_3GPP = 1, FIRST_COUNT = 1 /* the command took 0 */ };

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

/* What the network knows of a UE before the clock starts. */
typedef struct {
    uint8_t k_amf[32], k_nas_enc[16], k_nas_int[16];
} subscriber;

/* A comparison: this algorithm for both NEA and NIA (0: derivation of both keys), so many messages in a call. */
typedef struct {
    unsigned algorithm, batch;
    const subscriber *subscribers; /* UES */
    uint8_t *arena;                /* of everything that is read or written */
    size_t arena_len;
} comparison;

/* One round: message i is plain + i * PLAIN and goes to out + i * SLOT + LEAD. */
typedef struct {
    const uint32_t *ue;
    const uint8_t *plain;
    uint8_t *out;
} round_of_work;

typedef enum { OURS, PEER } side;

typedef struct {
    side side;
    const char *library, *way;
    void *state;
    void (*run)(void *state, const round_of_work *work);
    void (*end)(void *state);
    uint8_t *out; /* of the frame */
    double *ns;
} contestant;

/* Each writes the contestants of its library that can take part in the comparison to `to`, and gives their number. */
enum { CONTESTANTS_MAX = 8 };
size_t naslane_contestants(const comparison *comparison, contestant *to);
size_t ipsec_mb_contestants(const comparison *comparison, contestant *to);
size_t openssl_contestants(const comparison *comparison, contestant *to);

const char *ipsec_mb_version(void);
const char *openssl_version(void);

/* TS 33.501 A.8 by OpenSSL: the keys of the peers owe nothing to naslane. */
void reference_k_nas(const uint8_t k_amf[32], unsigned algorithm, uint8_t keys[KEYS]);

static inline void *memory(size_t size) {
    void *place = aligned_alloc(64, (size + 63) / 64 * 64);
    CHECK(place != NULL);
    return memset(place, 0, size);
}

static inline void big_endian(uint8_t to[4], uint32_t number) {
    uint32_t swapped = __builtin_bswap32(number);
    memcpy(to, &swapped, sizeof swapped);
}

/* The header but for its MAC. */
static inline void header(uint8_t *pdu, uint32_t count) {
    pdu[0] = 0x7E;
    pdu[1] = INTEGRITY_AND_CIPHERING;
    pdu[6] = (uint8_t)count;
}

/* S of TS 33.501 A.8; type 1: K_NASenc, 2: K_NASint. */
static inline void k_nas_input(uint8_t s[7], unsigned type, unsigned algorithm) {
    memcpy(s, (uint8_t[7]){0x69, (uint8_t)type, 0, 1, (uint8_t)algorithm, 0, 1}, 7);
}

#endif
