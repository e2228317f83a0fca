/* One function per kind of test. Each gets the group and one test, and says what the library did. */
#ifndef SELFTEST_RUNNERS_H
#define SELFTEST_RUNNERS_H

#include "selftest/group.h"

typedef struct st_result st_run(struct st_group *g, yyjson_val *test);

/* C2SP Wycheproof, by testGroups[].type */
st_run st_ecdsa_der, st_ecdsa_raw, st_eddsa;                        /* signatures.c */
st_run st_rsa_pkcs1, st_rsa_pkcs1_generate, st_rsa_pss, st_rsa_pss_parameters, st_rsa_oaep; /* rsa.c */
st_run st_aead, st_gmac, st_mac, st_hkdf, st_keywrap, st_primality; /* symmetric.c */
st_run st_ml_dsa_verify, st_ml_dsa_sign;                            /* ml_dsa.c */
st_run st_ml_kem_keygen, st_ml_kem_decaps, st_ml_kem_encaps, st_ml_kem_expanded; /* ml_kem.c */
st_run st_jws;                                                      /* jws.c */

/* NIST ACVP, by algorithm and mode of the file */
st_run st_acvp_ml_dsa_keygen, st_acvp_ml_dsa_siggen, st_acvp_ml_dsa_sigver; /* ml_dsa.c */
st_run st_acvp_ml_kem_keygen, st_acvp_ml_kem_encapdecap;                    /* ml_kem.c */

/* C2SP CCTV: a list of Ed25519 edge cases with flags and no verdicts */
st_run st_ed25519_edge_case; /* signatures.c */
bool st_ed25519_is_disputed(yyjson_val *test); /* verifiers differ on it; we refuse it */

#endif
