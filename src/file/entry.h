/*
 * Entries of the store: what the content of one path has to be.
 *
 *   format u8 = 1 | state u8 | tag 32 | previous 32 | path length u16 | path | HMAC-SHA-256 32
 *
 * state 1, settled: the file has `tag`. State 2, changing: it has `previous`, or `tag` already. State 3, beginning: it has `tag`, or is still as it was before it
 * was ever protected. `previous` is zero but in state 2. Integers are big endian. The MAC covers every byte before it, under a key that
 * serves entries alone (tag.h): an entry that was made elsewhere, altered, or put in another one's place is not accepted.
 */
#ifndef HF_FILE_ENTRY_H
#define HF_FILE_ENTRY_H

#include "file/tag.h"

#define HF_ENTRY_FORMAT 1

typedef enum hf_entry_state { HF_ENTRY_SETTLED = 1, HF_ENTRY_CHANGING = 2, HF_ENTRY_BEGINNING = 3 } hf_entry_state;

typedef struct hf_entry {
    hf_entry_state state;
    hf_tag tag;
    hf_tag previous;
} hf_entry;

/* HF_ERR_BOUNDS for a path above HF_FILE_PATH_CAP. */
hf_err hf_entry_print(const hf_entry *e, const char *path, const hf_secret *entry_key,
                      uint8_t dst[static HF_FILE_ENTRY_MAX_BYTES], size_t *ret_len) HF_MUST_USE;

/* The form alone: views into `bytes`. HF_ERR_MALFORMED; HF_ERR_UNSUPPORTED for another format. */
typedef struct hf_entry_parts {
    hf_entry entry;
    hf_view path;
    hf_view covered; /* by the MAC */
    hf_tag mac;
} hf_entry_parts;
hf_err hf_entry_parse(hf_view bytes, hf_entry_parts *ret) HF_MUST_USE;

/*
 * Form, MAC and path. HF_ERR_MALFORMED, HF_ERR_UNSUPPORTED, HF_ERR_INTEGRITY, with a static sentence in *reterr_why;
 * HF_ERR_INTERNAL when the MAC cannot be computed.
 */
hf_err hf_entry_open(hf_view bytes, const char *path, const hf_secret *entry_key, hf_entry *ret,
                     const char **reterr_why) HF_MUST_USE;

#endif
