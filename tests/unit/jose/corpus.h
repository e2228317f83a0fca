/* Reads the third-party data that some tests judge by; they skip, saying so, where it is absent. */
#ifndef TEST_JOSE_CORPUS_H
#define TEST_JOSE_CORPUS_H

#include "tokens.h"
#include <yyjson.h>

/* The document of HOLDFAST_DATA_DIR/vectors/NAME; NULL (and one line that says why) when it cannot be opened. */
yyjson_doc *corpus_open(const char *name);

/* Makes a key from a JWK; false for one that a keyset of ours cannot have: kind, size, alg. */
bool corpus_key(yyjson_val *jwk, struct test_key *ret);

#endif
