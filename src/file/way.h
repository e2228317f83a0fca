/* Following a path link by link, and what it was called on the way. */
#ifndef HF_FILE_WAY_H
#define HF_FILE_WAY_H

#include <holdfast/file.h>

/* More links than the kernel follows are none (path_resolution(7)). */
#define HF_WAY_LINKS_MAX 40

/*
 * The ids of the paths that led on by a link: what was resolved so far, the link's name, and what was left of the path, as if no part of that
 * were a link. Also that of a path that ends at something that is no folder. The path that everything leads to is not among them.
 */
typedef struct hf_way {
    size_t steps;
    uint8_t step[HF_WAY_LINKS_MAX + 1][HF_FILE_ID_BYTES];
    bool by_link; /* the last part of the path was a link */
} hf_way;

/*
 * Writes the canonical path; its last part need not be there, which is told in *ret_missing. Gives 0, or a number of errno; *ret is set in any
 * case, as far as it was followed.
 */
int hf_way_follow(const char *path, char dst[static HF_FILE_PATH_CAP], hf_way *ret, bool *ret_missing);

#endif
