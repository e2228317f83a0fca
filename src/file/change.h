/* Changes, in the order that makes them safe to cut off anywhere (include/holdfast/file.h, hf_file_write). */
#ifndef HF_FILE_CHANGE_H
#define HF_FILE_CHANGE_H

#include "file/work.h"

/* Where new content is made: one name for each path, so that what was left behind is found again. */
hf_place_name hf_change_temporary(const hf_work *w);

/*
 * The file is to have `tag`. content: that name, when new content stands there; NULL: the file has the content already. Errors:
 * HF_ERR_STORE, HF_ERR_DENIED, HF_ERR_SYSTEM; the file is then protected as before, or as it is to be.
 */
hf_err hf_change_commit(hf_work *w, const hf_tag *tag, const char *content) HF_MUST_USE;

/* Ends an interrupted change for the content that is there. */
hf_err hf_change_settle(hf_work *w) HF_MUST_USE;

#endif
