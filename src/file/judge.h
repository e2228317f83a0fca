/* What was found, and what it means. Pure: nothing is read here. */
#ifndef HF_FILE_JUDGE_H
#define HF_FILE_JUDGE_H

#include "file/entry.h"
#include "file/place.h"

typedef enum hf_found {
    HF_FOUND_NONE, /* it is not there */
    HF_FOUND_GOOD, /* it has the form it should have; an entry: it is genuine, too */
    HF_FOUND_BAD,
    HF_FOUND_UNKNOWN /* the key or the store cannot be had */
} hf_found;

typedef struct hf_evidence {
    hf_found file;    /* NONE or GOOD; BAD: no regular file; UNKNOWN: its tag could not be made */
    hf_tag content;   /* what the content's tag is */
    hf_found sidecar; /* NONE, GOOD or BAD */
    hf_tag sidecar_tag;
    hf_found next;    /* of sidecar mode: the sidecar of a change under way; NONE or GOOD */
    hf_tag next_tag;
    hf_found entry;
    bool strayed; /* the store has an entry for a path that now only leads on to this file */
    hf_entry entry_is;
    hf_why sidecar_why, entry_why; /* for BAD and UNKNOWN */
} hf_evidence;

typedef struct hf_verdict {
    hf_file_outcome outcome;
    bool pending; /* a match, in the middle of a change */
    bool genuine; /* the store vouches for the content, whatever else is wrong */
    hf_why why;   /* empty for a match */
} hf_verdict;

hf_verdict hf_judge(hf_file_mode mode, const hf_evidence *e);

#endif
