/*
 * The first administrator's key: a new EC P-256 key whose private half goes to a file of its own, outside the data
 * folder, and whose public half is the first row of the keyset.
 *
 * The file gets its name (by a link, never over another file) before the data folder gets its own. A marker in the
 * unfinished folder names it, so that an init that was killed in between is undone by the next one.
 */
#ifndef HF_INIT_ADMIN_KEY_H
#define HF_INIT_ADMIN_KEY_H

#include "init/folder.h"
#include "init/options.h"

#define ADMIN_ACTOR "*" /* the key may mint for any actor and role: with it the first operators get in */

/* The marker's name in the data folder; removed when all is done. */
#define ADMIN_MARKER ".admin-key.pending"

/* Refuses a place that is taken or lies below the data folder (but with --dev). Makes the default's folder. */
hf_err admin_key_check(const struct init_options *o, const struct folder *f, char why[static WHY_CAP]) HF_MUST_USE;

/* Makes the key, writes the file, and gives the encoded keyset rows. */
hf_err admin_key_make(const struct init_options *o, const struct folder *f, hf_writer *rows, char why[static WHY_CAP])
    HF_MUST_USE;

/* Removes the key file that the marker in this unfinished folder names, if it is still the one. */
void admin_key_undo(int folder_fd);
/* After the folder has its name. */
void admin_key_done(const struct folder *f);

#endif
