/*
 * naslane: 5G NAS security for many UEs at a time.
 *
 * Four levels, each usable alone:
 *
 *   level 0  algorithms and key derivations with a key in the call   naslane_nea, naslane_nia, naslane_kdf_...
 *   level 1  sessions: COUNT, replay, contexts, security mode        naslane_protect, naslane_verify, naslane_smc_...
 *   level 2  batches of 64-byte jobs over one arena                  naslane_batch
 *   level 3  the same jobs without waiting                           not yet
 *
 * A message in ten lines:
 *
 *     naslane_engine *engine;
 *     uint64_t ue;
 *     naslane_received in;
 *     naslane_sent out;
 *     uint8_t buffer[256];
 *
 *     naslane_engine_new(NULL, &engine);
 *     naslane_establish(engine, NASLANE_ROLE_AMF, &ue);
 *     naslane_authenticated(engine, ue, k_amf, 0, capability, capability_len, 0);
 *     ... the security mode procedure: naslane_smc_command(), then naslane_verify() takes the answer ...
 *     naslane_verify(engine, ue, 1, pdu, pdu_len, buffer, sizeof buffer, &in);
 *     naslane_protect(engine, ue, 1, plain, plain_len, buffer, sizeof buffer, &out);
 *
 * Conventions, the same for every function:
 *
 *   Status      0 (NASLANE_OK) or a naslane_status. A call that fails changes nothing: no COUNT, no key, no output.
 *               Where a function is an exception, its text says so.
 *   Pointers    Inputs first, outputs last, the length beside the pointer. NULL is a status (NASLANE_E_NULL), and is
 *               legal with length 0. Any alignment. An output buffer is either the very place of the input or has
 *               nothing in common with it, else NASLANE_E_OVERLAP. All of the room that a call was told of must be
 *               there. Nobody else may use an output, or write to an input, before the call returns.
 *   Structs     Those that the caller fills begin with their size and have an init function, so that they can grow.
 *   Sessions    64-bit handles. The handle of a released session is a status, never another UE's session.
 *   access      1 = 3GPP, 2 = non-3GPP access.
 *   Lengths     Octets. A protected message is NASLANE_OVERHEAD octets longer than the plain one.
 *   Threads     Everything may be called from any thread at any time, but for naslane_engine_free(). Calls on one
 *               session wait for each other.
 *   Secrets     Keys are copied, and wiped when their session ends. What the caller gave or got it wipes itself.
 *   Defects     A defect inside the library is NASLANE_E_POISONED: it closes that session for good and no other one.
 */

#ifndef NASLANE_H
#define NASLANE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. */
#define NASLANE_VERSION "0.1.0"
#define NASLANE_VERSION_MAJOR 0
#define NASLANE_VERSION_MINOR 1
#define NASLANE_VERSION_PATCH 0

/* ====================================================================== *
 * Statuses
 *
 * Every function that can fail returns one of these as int32_t. A number is never used again for another
 * meaning; new ones may come. 1 to 31 say what a message turned out to be, 32 to 63 concern procedures and
 * contexts, 64 to 95 the arguments of a call, 96 to 127 limits and the engine itself.
 */


/** Numbers and what to do about them. */
typedef enum naslane_status {
    /** done */
    NASLANE_OK = 0,
    /** plain message that may be acted on before secure exchange */
    NASLANE_E_PLAIN_ALLOWED = 1,
    /** plain message where protection is required; discard it */
    NASLANE_E_PLAIN_REFUSED = 2,
    /** message is cut short; discard it */
    NASLANE_E_SHORT = 3,
    /** security header type is reserved or not allowed here; discard the message */
    NASLANE_E_HEADER_TYPE = 4,
    /** no security context for this message; authenticate first */
    NASLANE_E_NO_CONTEXT = 5,
    /** message authentication code does not verify; discard or follow TS 24.501 4.4.4.3 */
    NASLANE_E_MAC = 6,
    /** message was accepted before; discard it */
    NASLANE_E_REPLAY = 7,
    /** NAS COUNT is used up; authenticate again for a new K_AMF */
    NASLANE_E_COUNT_EXHAUSTED = 8,
    /** null integrity is only for emergency sessions; set the emergency flag or select another NIA */
    NASLANE_E_NULL_INTEGRITY = 9,
    /** MAC verifies but the content is garbage; compare K_NASenc and the ciphering algorithm of both sides */
    NASLANE_E_CIPHER_SKEW = 10,
    /** protected message inside a protected message; discard it */
    NASLANE_E_NESTED = 11,
    /** security header type does not fit the inner message; discard it */
    NASLANE_E_HEADER_MISMATCH = 12,
    /** message must be ciphered on this access; discard it */
    NASLANE_E_UNCIPHERED = 13,
    /** secure exchange is not established on this access; run the security mode procedure first */
    NASLANE_E_NOT_SECURED = 14,
    /** not a 5GMM message (0x7E expected) */
    NASLANE_E_DISCRIMINATOR = 15,
    /** an information element is missing or malformed */
    NASLANE_E_MALFORMED_IE = 16,
    /** NAS message container is missing */
    NASLANE_E_CONTAINER_MISSING = 17,
    /** NAS message container does not fit the ongoing procedure */
    NASLANE_E_CONTAINER_MISMATCH = 18,
    /** decipher a container right after its message was verified, with that message's COUNT */
    NASLANE_E_CONTAINER_UNVERIFIED = 19,
    /** another key-changing procedure is running for this UE; wait for its end */
    NASLANE_E_CONFLICT = 32,
    /** no procedure waits for this message */
    NASLANE_E_UNEXPECTED = 33,
    /** no authenticated context for this ngKSI; finish authentication first */
    NASLANE_E_OUT_OF_ORDER = 34,
    /** UE and operator share no integrity algorithm; reject with cause 23 */
    NASLANE_E_NO_COMMON_INTEGRITY = 35,
    /** UE and operator share no ciphering algorithm; reject with cause 23 */
    NASLANE_E_NO_COMMON_CIPHERING = 36,
    /** algorithm is not in the UE security capability or not built in */
    NASLANE_E_ALGORITHM_NOT_SUPPORTED = 37,
    /** replayed UE security capability differs from the one sent; reject with cause 23 */
    NASLANE_E_CAPABILITY_MISMATCH = 38,
    /** ngKSI is not usable here; choose 0..=6 that differs from those in use */
    NASLANE_E_NG_KSI = 39,
    /** retransmissions are used up; the procedure was aborted */
    NASLANE_E_TIMEOUT = 40,
    /** K_AMF is in use or was used at a higher COUNT; authenticate again */
    NASLANE_E_KEY_REUSED = 41,
    /** information elements of the SECURITY MODE COMMAND do not go together */
    NASLANE_E_IE_COMBINATION = 42,
    /** the UE rejected the security mode command; the context used before is in force again */
    NASLANE_E_REJECTED = 43,
    /** horizontal derivation needs K_AMF' derived by this engine for this procedure */
    NASLANE_E_HORIZONTAL = 44,
    /** a required pointer is NULL */
    NASLANE_E_NULL = 64,
    /** output buffer is too small; nothing was written */
    NASLANE_E_BUFFER_TOO_SMALL = 65,
    /** input and output overlap without being the same place */
    NASLANE_E_OVERLAP = 66,
    /** offset and length leave the arena */
    NASLANE_E_OUT_OF_RANGE = 67,
    /** session handle is unknown or was released */
    NASLANE_E_HANDLE = 68,
    /** access must be 1 (3GPP) or 2 (non-3GPP); a stateless BEARER must be below 32 */
    NASLANE_E_BEARER = 69,
    /** direction must be 0 (uplink) or 1 (downlink) */
    NASLANE_E_DIRECTION = 70,
    /** unknown operation or a reserved field that is not zero */
    NASLANE_E_OPERATION = 71,
    /** argument is outside its documented domain */
    NASLANE_E_ARGUMENT = 72,
    /** session record is damaged or of another version */
    NASLANE_E_RECORD = 73,
    /** length is more than the message or algorithm allows */
    NASLANE_E_TOO_LONG = 74,
    /** call belongs to the other role (AMF or UE) than this session's */
    NASLANE_E_ROLE = 75,
    /** session table is full; raise sessions or release some */
    NASLANE_E_TABLE_FULL = 96,
    /** too many procedures at once; raise procedures or finish some */
    NASLANE_E_SIDE_FULL = 97,
    /** session is in use by another thread; try again */
    NASLANE_E_BUSY = 98,
    /** no backend passed its known-answer test; this processor or build is not usable */
    NASLANE_E_SELF_TEST = 99,
    /** an internal defect closed this session; release it and report the defect */
    NASLANE_E_POISONED = 100,
    /** the platform refused a resource */
    NASLANE_E_SYSTEM = 101,
} naslane_status;

/**
 * What happened and what to do about it, in one sentence. Never NULL; any number may be asked.
 */
const char *naslane_status_text(int32_t status);

/**
 * The version of the library that is running, as "MAJOR.MINOR.PATCH"; compare with NASLANE_VERSION.
 */
const char *naslane_version(void);

/* ====================================================================== *
 * Level 0: the algorithms
 *
 * Stateless: key, COUNT, BEARER and DIRECTION come with every call. For code that keeps its own COUNTs, 5GS or
 * EPS. Whoever uses a (key, COUNT, BEARER, DIRECTION) twice gives both messages away: level 1 cannot.
 *
 * The algorithms are numbered as on the wire: 0 null, 1 SNOW 3G, 2 AES, 3 ZUC.
 */

/**
 * Octets that one message may have at most: the algorithms count up to 2^32 - 1 bits.
 */
#define NASLANE_MESSAGE_MAX 536870911

/**
 * Ciphers or deciphers len octets (TS 33.501 D.2).
 *
 * count is the whole 32 bits that the algorithm gets: for NAS 0x00 and the 24-bit NAS COUNT. bearer is
 * below 32; in 5GS NAS it is 1 (3GPP) or 2 (non-3GPP access), in EPS NAS 0. direction is 0 uplink,
 * 1 downlink. out has room for len octets and may be in.
 *
 * Errors: ALGORITHM_NOT_SUPPORTED, BEARER, DIRECTION, NULL, OVERLAP, TOO_LONG, SELF_TEST.
 */
int32_t naslane_nea(uint8_t nea,
                    const uint8_t key[16],
                    uint32_t count,
                    uint8_t bearer,
                    uint8_t direction,
                    const uint8_t *in,
                    size_t len,
                    uint8_t *out);

/**
 * Computes the message authentication code of len octets (TS 33.501 D.3). Arguments as for naslane_nea().
 * NIA0 gives zeros. Compare codes in constant time, or let naslane_verify() do it.
 *
 * Errors: as for naslane_nea().
 */
int32_t naslane_nia(uint8_t nia,
                    const uint8_t key[16],
                    uint32_t count,
                    uint8_t bearer,
                    uint8_t direction,
                    const uint8_t *msg,
                    size_t len,
                    uint8_t mac[4]);

/* ====================================================================== *
 * Level 0: the key derivations
 *
 * TS 33.501 Annex A, one function per key, named after the key. Keys have 32 octets where nothing else is said.
 * An output may be one of the inputs. Texts are NUL-terminated ASCII. The caller wipes what it no longer needs.
 *
 * Errors of all of them: NULL, OVERLAP (the output cuts an input), TOO_LONG, SELF_TEST, and ARGUMENT for a text or
 * number outside its domain.
 */

/**
 * Octets of the longest serving network name, with its NUL.
 */
#define NASLANE_SNN_SIZE 45

/**
 * Writes the serving network name of a PLMN or, with nid, of an SNPN (TS 24.501 9.12.1), with a NUL.
 *
 * mcc has three digits, mnc two or three, nid is NULL or 11 hexadecimal digits, kept in their case:
 * 5G:mnc001.mcc001.3gppnetwork.org.
 */
int32_t naslane_kdf_serving_network_name(const char *mcc,
                                         const char *mnc,
                                         const char *nid,
                                         char snn[45]);

/**
 * K_AUSF of 5G AKA (A.2). sqn_xor_ak is the first six octets of AUTN.
 */
int32_t naslane_kdf_k_ausf(const uint8_t ck[16],
                           const uint8_t ik[16],
                           const char *snn,
                           const uint8_t sqn_xor_ak[6],
                           uint8_t k_ausf[32]);

/**
 * K_AUSF of EAP-AKA': the first half of EMSK (6.1.3.1).
 */
int32_t naslane_kdf_k_ausf_from_emsk(const uint8_t emsk[64], uint8_t k_ausf[32]);

/**
 * CK' and IK' of EAP-AKA' (A.3), 16 octets each.
 */
int32_t naslane_kdf_ck_ik_prime(const uint8_t ck[16],
                                const uint8_t ik[16],
                                const char *snn,
                                const uint8_t sqn_xor_ak[6],
                                uint8_t ck_prime[16],
                                uint8_t ik_prime[16]);

/**
 * RES* or XRES* (A.4). res has 4 to 16 octets.
 */
int32_t naslane_kdf_res_star(const uint8_t ck[16],
                             const uint8_t ik[16],
                             const char *snn,
                             const uint8_t rand[16],
                             const uint8_t *res,
                             size_t res_len,
                             uint8_t res_star[16]);

/**
 * HRES* or HXRES* (A.5), 16 octets.
 */
int32_t naslane_kdf_hres_star(const uint8_t rand[16],
                              const uint8_t res_star[16],
                              uint8_t hres_star[16]);

/**
 * K_SEAF (A.6).
 */
int32_t naslane_kdf_k_seaf(const uint8_t k_ausf[32], const char *snn, uint8_t k_seaf[32]);

/**
 * K_AMF (A.7). supi is imsi-<digits>, the bare digits of an IMSI, or nai-, gci-, gli- with their text.
 * abba has 2 to 255 octets, 00 00 today.
 */
int32_t naslane_kdf_k_amf(const uint8_t k_seaf[32],
                          const char *supi,
                          const uint8_t *abba,
                          size_t abba_len,
                          uint8_t k_amf[32]);

/**
 * K_NASenc and K_NASint (A.8), 16 octets each, for the algorithms nea and nia, each below 16.
 */
int32_t naslane_kdf_k_nas(const uint8_t k_amf[32],
                          uint8_t nea,
                          uint8_t nia,
                          uint8_t k_nas_enc[16],
                          uint8_t k_nas_int[16]);

/**
 * The 16-octet key of one algorithm (A.8). key is K_AMF for the types 1 NAS ciphering and 2 NAS integrity,
 * K_gNB for 3 and 4 (RRC) and 5 and 6 (user plane); odd types cipher. algorithm is below 16.
 */
int32_t naslane_kdf_algorithm_key(const uint8_t key[32],
                                  uint8_t type,
                                  uint8_t algorithm,
                                  uint8_t out[16]);

/* ====================================================================== *
 * Level 0: keys of the access network and of a move
 *
 * TS 33.501 A.9 to A.15 and A.21. Keys have 32 octets; COUNTs are whole NAS COUNTs as 32 bits. Errors as for the
 * other derivations, and BEARER for an access that is neither 1 nor 2.
 */

/**
 * K_gNB for access 1, K_N3IWF, K_TNGF, K_WAGF or K_TWIF for access 2 (A.9). ul_nas_count is 2^32 - 1 after a
 * horizontal derivation or a mapping in a handover.
 */
int32_t naslane_kdf_k_gnb(const uint8_t k_amf[32],
                          uint32_t ul_nas_count,
                          uint8_t access,
                          uint8_t k_gnb[32]);

/**
 * NH (A.10). sync is K_gNB for the first NH and the NH before for every other.
 */
int32_t naslane_kdf_nh(const uint8_t k_amf[32], const uint8_t sync[32], uint8_t nh[32]);

/**
 * K_NG-RAN* for a gNB (A.11), from the current K_gNB or from NH. pci is the physical cell identity, arfcn_dl
 * is below 2^24.
 */
int32_t naslane_kdf_k_ng_ran_star_gnb(const uint8_t key[32],
                                      uint16_t pci,
                                      uint32_t arfcn_dl,
                                      uint8_t k_star[32]);

/**
 * K_NG-RAN* for an ng-eNB (A.12). earfcn_dl is below 2^24.
 */
int32_t naslane_kdf_k_ng_ran_star_ng_enb(const uint8_t key[32],
                                         uint16_t pci,
                                         uint32_t earfcn_dl,
                                         uint8_t k_star[32]);

/**
 * K_AMF' by horizontal derivation (A.13). direction 0: mobility registration, with the uplink COUNT of that
 * REGISTRATION REQUEST over 3GPP access; 1: handover, with the downlink COUNT of 3GPP access.
 *
 * Errors: also DIRECTION.
 */
int32_t naslane_kdf_k_amf_prime(const uint8_t k_amf[32],
                                uint8_t direction,
                                uint32_t count,
                                uint8_t k_amf_prime[32]);

/**
 * K_ASME' for a move to EPS in idle mode (A.14.1).
 */
int32_t naslane_kdf_k_asme_idle(const uint8_t k_amf[32], uint32_t ul_nas_count, uint8_t k_asme[32]);

/**
 * K_ASME' for a handover to EPS (A.14.2). The source counts dl_nas_count as used.
 */
int32_t naslane_kdf_k_asme_handover(const uint8_t k_amf[32],
                                    uint32_t dl_nas_count,
                                    uint8_t k_asme[32]);

/**
 * K_ASME_SRVCC (A.21).
 */
int32_t naslane_kdf_k_asme_srvcc(const uint8_t k_amf[32],
                                 uint32_t dl_nas_count,
                                 uint8_t k_asme[32]);

/**
 * K_AMF' mapped from EPS in idle mode (A.15.1), with the EPS uplink COUNT of the TRACKING AREA UPDATE REQUEST.
 */
int32_t naslane_kdf_k_amf_from_eps_idle(const uint8_t k_asme[32],
                                        uint32_t eps_ul_nas_count,
                                        uint8_t k_amf[32]);

/**
 * K_AMF' mapped from EPS in a handover (A.15.2).
 */
int32_t naslane_kdf_k_amf_from_eps_handover(const uint8_t k_asme[32],
                                            const uint8_t nh[32],
                                            uint8_t k_amf[32]);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* NASLANE_H */
