/*
 * One group of tests of a vector file, as the runners see it: members by name, bytes from hexadecimal, and the group's
 * key, loaded once. Bytes live until the next test begins.
 */
#ifndef SELFTEST_GROUP_H
#define SELFTEST_GROUP_H

#include "crypto/crypto.h"
#include "selftest/verdict.h"
#include <yyjson.h>

struct st_block;

struct st_group {
    yyjson_val *root; /* the file */
    yyjson_val *json; /* the group */
    struct st_block *blocks;
    bool malformed; /* a member of this test is not what it must be */
    hf_key *key;    /* NULL until it was tried, and when it was refused */
    bool key_tried;
    hf_err key_error;
};
void st_group_next(struct st_group *g); /* gives the bytes of the last test back */
void st_group_end(struct st_group *g);

/* Text of a member; "" when it is absent or no string. */
const char *st_text(yyjson_val *obj, const char *name);
bool st_is(yyjson_val *obj, const char *name, const char *text);
bool st_has(yyjson_val *obj, const char *name);
/* A small number of a member; -1 when it is absent or no number. */
int64_t st_number(yyjson_val *obj, const char *name);
/* Bytes of a hexadecimal member; empty when it is absent. What is not hexadecimal sets g->malformed. */
hf_view st_hex(struct st_group *g, yyjson_val *obj, const char *name);
/* Memory until the next test. NULL and g->malformed when n is more than 64 MiB or memory ends. */
uint8_t *st_bytes(struct st_group *g, size_t n);
bool st_has_flag(yyjson_val *test, const char *flag);

/* "SHA-256" and so on. HF_HASH_NONE: not one of ours. */
hf_hash st_hash(const char *name);

/* The group's public key from DER SubjectPublicKeyInfo in one of the members that files use for it. */
const hf_key *st_public_key(struct st_group *g, hf_alg a);
/* The group's private key from PKCS #8, read and checked as an imported key is. */
const hf_key *st_private_key(struct st_group *g, hf_alg a);
/* A private key from its stored form. The caller frees it; NULL when it is refused. */
hf_key *st_load_material(hf_alg a, hf_view material);
/* The public key of raw bytes, put behind the prefix of their algorithm (all but RSA). NULL when it is refused. */
hf_key *st_load_raw_public(struct st_group *g, hf_alg a, hf_view raw);
/* The bytes at the end of the key's SubjectPublicKeyInfo are these. */
bool st_public_is(const hf_key *key, hf_view raw);
/* DER SubjectPublicKeyInfo with rsaEncryption around RSAPublicKey DER. */
hf_view st_rsa_spki(struct st_group *g, hf_view rsa_public_key);
/* The size that the group names, or the one of its key. HF_ALG_NONE: not offered. */
hf_alg st_rsa_alg(yyjson_val *group);
bool st_same(hf_view a, hf_view b);

#endif
