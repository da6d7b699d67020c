/* The host's library: what runs when nothing is preloaded. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

static void called(void) { puts("host"); exit(0); }

void ogs_nas_encrypt(uint8_t a, uint8_t *k, uint32_t c, uint8_t b, uint8_t d, pkbuf *p)
{
    (void)a, (void)k, (void)c, (void)b, (void)d, (void)p;
    called();
}
void ogs_nas_mac_calculate(uint8_t a, uint8_t *k, uint32_t c, uint8_t b, uint8_t d, pkbuf *p, uint8_t *m)
{
    (void)a, (void)k, (void)c, (void)b, (void)d, (void)p, (void)m;
    called();
}
void ogs_kdf_nas_5gs(uint8_t t, uint8_t a, const uint8_t *k, uint8_t *o) { (void)t, (void)a, (void)k, (void)o; called(); }
void ogs_kdf_kgnb_and_kn3iwf(const uint8_t *k, uint32_t c, uint8_t a, uint8_t *o)
{
    (void)k, (void)c, (void)a, (void)o;
    called();
}
void ogs_kdf_nh_gnb(const uint8_t *k, uint8_t *s, uint8_t *o) { (void)k, (void)s, (void)o; called(); }
void ogs_kdf_kamf(const char *s, const uint8_t *a, uint8_t l, const uint8_t *k, uint8_t *o)
{
    (void)s, (void)a, (void)l, (void)k, (void)o;
    called();
}
void ogs_kdf_hxres_star(uint8_t *r, uint8_t *x, uint8_t *o) { (void)r, (void)x, (void)o; called(); }
