/*
 * A vector file: C2SP Wycheproof and NIST ACVP JSON, and the Ed25519 list of C2SP CCTV. What a file holds is told by its
 * members, never by its name.
 */
#ifndef SELFTEST_VECTORS_H
#define SELFTEST_VECTORS_H

#include "selftest/tally.h"

#define ST_FILE_MAX_BYTES (64u << 20)
#define ST_ALGORITHM_CAP 64

/*
 * Does: runs every test of the text and counts. Gives the reason when the whole file was not run: no JSON, or not of a
 * known shape; else ST_NO_REASON. algorithm gets the file's word for what it tests, or "".
 */
st_why st_vectors_run(hf_view text, struct st_tally *t, char algorithm[static ST_ALGORITHM_CAP]);

#endif
