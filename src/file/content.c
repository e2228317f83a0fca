#include "file/content.h"

#include "base/num.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)256 << 10)

/* Pages of this process alone, written while it reads and read-only from then on. */
struct hf_file_content {
    uint8_t *ptr;
    size_t len;
    size_t cap; /* pages that are mapped */
};

const uint8_t *hf_file_content_bytes(const hf_file_content *c)
{
    return c->ptr;
}

size_t hf_file_content_size(const hf_file_content *c)
{
    return c->len;
}

void hf_file_content_free(hf_file_content *c)
{
    if (c == NULL)
        return;
    if (c->ptr != NULL)
        (void)munmap(c->ptr, c->cap);
    free(c);
}

void hf_content_freep(hf_file_content **c)
{
    hf_file_content_free(*c);
    *c = NULL;
}

static hf_err no_memory(hf_why *why)
{
    return hf_why_say(why, HF_ERR_SYSTEM, "there is no memory to read it into");
}

static hf_err too_large(uint64_t max, hf_why *why)
{
    return hf_why_say(why, HF_ERR_TOO_LARGE, "it has more than %llu bytes, the most that is taken here",
                      (unsigned long long)max);
}

/* *ret_n 0: the end. */
static hf_err read_some(int fd, void *dst, size_t cap, size_t *ret_n, hf_why *why)
{
    ssize_t n;

    do
        n = read(fd, dst, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return hf_why_errno(why, "it cannot be read");
    *ret_n = (size_t)n;
    return HF_OK;
}

/* ---- the tag alone ---- */

static void piece_freep(uint8_t **p)
{
    if (*p != NULL)
        hf_wipe(*p, PIECE_BYTES);
    free(*p);
}

static hf_err add_pieces(int fd, uint64_t max, hf_tag_work *work, uint64_t *ret_bytes, hf_why *why)
{
    HF_AUTO(piece_freep) uint8_t *piece = calloc(1, PIECE_BYTES);
    struct stat st;
    uint64_t sum = 0;
    size_t n = 0;

    HF_CHECK(piece != NULL, no_memory(why));
    HF_CHECK(fstat(fd, &st) == 0, hf_why_errno(why, "it cannot be looked at"));
    HF_CHECK((uint64_t)st.st_size <= max, too_large(max, why)); /* before an hour was spent on reading it */
    do {
        HF_TRY(read_some(fd, piece, PIECE_BYTES, &n, why));
        sum += n;
        HF_CHECK(sum <= max, too_large(max, why));
        HF_TRY(hf_tag_add(work, hf_view_of(piece, n)));
    } while (n > 0);
    *ret_bytes = sum;
    return HF_OK;
}

hf_err hf_content_tag(int fd, uint64_t max, const hf_secret *key, hf_tag *ret_tag, uint64_t *ret_bytes, hf_why *why)
{
    HF_AUTO(hf_tag_freep) hf_tag_work *work = NULL;
    uint64_t bytes = 0;

    (void)hf_why_say(why, HF_OK, "the cryptographic library failed"); /* overwritten by every other cause */
    HF_TRY(hf_tag_begin(key, &work));
    HF_TRY(add_pieces(fd, max, work, &bytes, why));
    HF_TRY(hf_tag_end(work, ret_tag));
    *ret_bytes = bytes;
    return HF_OK;
}

/* ---- the bytes too ---- */

/* Room for at least one more byte. */
static hf_err grow(hf_file_content *c, size_t hint, hf_why *why)
{
    size_t cap = c->ptr == NULL ? (hint / PIECE_BYTES + 1) * PIECE_BYTES : 2 * c->cap;
    void *p = c->ptr == NULL ? mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                             : mremap(c->ptr, c->cap, cap, MREMAP_MAYMOVE);

    HF_CHECK(p != MAP_FAILED, no_memory(why));
    c->ptr = p;
    c->cap = cap;
    (void)madvise(p, cap, MADV_DONTDUMP);
    return HF_OK;
}

static hf_err fill(hf_file_content *c, int fd, uint64_t max, hf_why *why)
{
    struct stat st;
    size_t n = 0;

    HF_CHECK(fstat(fd, &st) == 0, hf_why_errno(why, "it cannot be looked at"));
    HF_CHECK((uint64_t)st.st_size <= max, too_large(max, why));
    HF_TRY(grow(c, (size_t)st.st_size, why));
    do {
        if (c->len == c->cap)
            HF_TRY(grow(c, 0, why));
        HF_TRY(read_some(fd, c->ptr + c->len, hf_min_size(c->cap - c->len, (size_t)1 << 30), &n, why));
        c->len += n;
        HF_CHECK(c->len <= max, too_large(max, why));
    } while (n > 0);
    return mprotect(c->ptr, c->cap, PROT_READ) == 0 ? HF_OK : no_memory(why);
}

hf_err hf_content_keep(int fd, uint64_t max, hf_file_content **ret, hf_why *why)
{
    hf_file_content *c = calloc(1, sizeof(*c));

    HF_CHECK(c != NULL, no_memory(why));
    hf_err err = fill(c, fd, max, why);
    if (err != HF_OK) {
        hf_file_content_free(c);
        return err;
    }
    *ret = c;
    return HF_OK;
}
