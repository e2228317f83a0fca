/* One call: the place, the key, the store and its lock; and what is found there. */
#ifndef HF_FILE_WORK_H
#define HF_FILE_WORK_H

#include "file/content.h"
#include "file/dir_store.h"
#include "file/judge.h"

typedef struct hf_work {
    const hf_file_guard *guard;
    hf_file_report *report;
    hf_place place;
    hf_dir_store dir;
    hf_file_store store;  /* get NULL: none */
    const hf_secret *key; /* NULL: it cannot be had, or there is none yet */
    hf_secret *entry_key;
    hf_err nowhere; /* why the path cannot be followed to its end, though the store has an entry for it; else HF_OK */
    hf_why nowhere_why;
    bool absent; /* the folder of the store is not made yet */
    bool locked;
    int lock;
    hf_why store_why; /* why there is no key or store; empty when there is */
    hf_why why;       /* of an error */
    /* what hf_work_look found */
    struct stat st; /* of the file, when it is there */
    hf_evidence found;
    hf_verdict verdict;
    uint64_t bytes;
    hf_file_content *content;
} hf_work;

/*
 * Resolves the path, opens the store and waits for the lock. HF_ERR_INVALID for a guard that makes no sense. HF_ERR_NOT_FOUND when not even the
 * folder is there. A store that is unavailable is no error here. In any case hf_work_end, which also fills the report's path and sentence.
 */
hf_err hf_work_begin(hf_work *w, const hf_file_guard *guard, const char *path, bool exclusive, hf_file_report *report)
    HF_MUST_USE;

/* Reads file, sidecar and entry, and judges. keep: the content stays in w. Errors: nothing can be judged. */
hf_err hf_work_look(hf_work *w, uint64_t max, bool keep) HF_MUST_USE;

/* Nothing was found on the way any more: the store forgets the paths that led elsewhere. HF_ERR_STORE. */
hf_err hf_work_forget_way(hf_work *w) HF_MUST_USE;

/* Frees all; gives err, or what the report says of the outcome when that is HF_OK. An error that is not the outcome's own leaves none. */
hf_err hf_work_end(hf_work *w, hf_err err);

/* What a change leaves: a match with this tag. */
void hf_work_tell_match(hf_work *w, const hf_tag *tag, uint64_t bytes);

#endif
