/* The few types of the host that the adapter touches, in the host's shape, for the test. */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>

typedef struct pkbuf {
    void *links[2];
    uint64_t param[2];
    void *cluster;
    unsigned int len;
    unsigned char *head, *tail, *data, *end;
    const char *where;
    void *pool;
} pkbuf;

void ogs_nas_encrypt(uint8_t algorithm, uint8_t *key, uint32_t count, uint8_t bearer, uint8_t direction, pkbuf *packet);
void ogs_nas_mac_calculate(uint8_t algorithm, uint8_t *key, uint32_t count, uint8_t bearer, uint8_t direction,
    pkbuf *packet, uint8_t *mac);
void ogs_kdf_nas_5gs(uint8_t type, uint8_t algorithm, const uint8_t *kamf, uint8_t *knas);
void ogs_kdf_kgnb_and_kn3iwf(const uint8_t *kamf, uint32_t count, uint8_t access, uint8_t *kgnb);
void ogs_kdf_nh_gnb(const uint8_t *kamf, uint8_t *sync, uint8_t *nh);
void ogs_kdf_kamf(const char *supi, const uint8_t *abba, uint8_t len, const uint8_t *kseaf, uint8_t *kamf);
void ogs_kdf_hxres_star(uint8_t *rand, uint8_t *xres_star, uint8_t *hxres_star);

#endif
