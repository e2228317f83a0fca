#include "file/way.h"

#include "file/tag.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A canonical path while it grows; "" is the root. */
typedef struct trail {
    char *path; /* HF_FILE_PATH_CAP bytes */
    size_t len;
} trail;

/* The first part of *rest, which moves behind it; empty at the end. */
static hf_view part_take(const char **rest)
{
    const char *at = *rest + strspn(*rest, "/");
    size_t len = strcspn(at, "/");

    *rest = at + len;
    return hf_view_of(at, len);
}

static void trail_up(trail *t)
{
    while (t->len > 0 && t->path[--t->len] != '/')
        ;
    t->path[t->len] = '\0';
}

static bool trail_down(trail *t, hf_view part)
{
    size_t at = t->len + 1;

    if (part.len > NAME_MAX || at >= HF_FILE_PATH_CAP ||
        hf_view_to_str(part, t->path + at, HF_FILE_PATH_CAP - at) != HF_OK)
        return false;
    t->path[t->len] = '/';
    t->len = at + part.len;
    return true;
}

/* Parts that say nothing, or lead up. */
static bool trail_turn(trail *t, hf_view part)
{
    if (hf_view_eq(part, hf_view_str("..")))
        trail_up(t);
    return hf_view_eq(part, hf_view_str("..")) || hf_view_eq(part, hf_view_str("."));
}

/* A path that is too long has no entry. */
static int note(hf_way *way, const trail *t, const char *rest)
{
    char path[HF_FILE_PATH_CAP];
    trail named = { .path = path, .len = t->len };

    if (way->steps == HF_COUNT(way->step))
        return ELOOP;
    if (hf_view_to_str(hf_view_of(t->path, t->len), path, sizeof(path)) != HF_OK)
        return ENAMETOOLONG;
    for (hf_view part = part_take(&rest); part.len > 0; part = part_take(&rest))
        if (!trail_turn(&named, part) && !trail_down(&named, part))
            return 0;
    return hf_entry_id(path, way->step[way->steps++]) == HF_OK ? 0 : EIO;
}

/* The link's text comes before what was left. */
static int expand(trail *t, const char *target, const char *rest, char next[static HF_FILE_PATH_CAP])
{
    char joined[HF_FILE_PATH_CAP];
    int n = snprintf(joined, sizeof(joined), "%s%s", target, rest);

    if (target[0] == '\0')
        return ENOENT;
    if (n < 0 || hf_view_to_str(hf_view_of(joined, (size_t)n), next, HF_FILE_PATH_CAP) != HF_OK)
        return ENAMETOOLONG;
    if (target[0] == '/') {
        t->len = 0;
        t->path[0] = '\0';
    } else
        trail_up(t);
    return 0;
}

/* What stands at the trail's end, with parts behind it, must be a folder. */
static int check_folder(hf_way *way, const trail *t, const char *rest)
{
    struct stat st;

    if (rest[0] == '\0')
        return 0;
    if (lstat(t->path, &st) != 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return 0;
    uint8_t itself[HF_FILE_ID_BYTES];
    int code = note(way, t, rest);
    if (code == 0 && way->steps > 0 && hf_entry_id(t->path, itself) == HF_OK &&
        hf_view_eq(hf_view_of(itself, sizeof(itself)), hf_view_of(way->step[way->steps - 1], sizeof(itself))))
        way->steps--; /* a file's name with a slash behind it */
    return code != 0 ? code : ENOTDIR;
}

/* One part; *text is what is left. */
static int step(hf_way *way, trail *t, char text[static HF_FILE_PATH_CAP], const char **rest, bool *ret_missing)
{
    char target[HF_FILE_PATH_CAP];

    ssize_t n = readlink(t->path, target, sizeof(target) - 1);
    if (n < 0 && errno == EINVAL) /* no link */
        return check_folder(way, t, *rest);
    if (n < 0) {
        *ret_missing = errno == ENOENT && (*rest)[0] == '\0';
        return *ret_missing ? 0 : errno;
    }
    target[n] = '\0';
    if (way->steps == HF_WAY_LINKS_MAX)
        return ELOOP;
    way->by_link |= (*rest)[0] == '\0';
    int code = note(way, t, *rest);
    if (code == 0)
        code = expand(t, target, *rest, text);
    *rest = text;
    return code;
}

static int start(trail *t, const char *path, char text[static HF_FILE_PATH_CAP])
{
    int n = snprintf(text, HF_FILE_PATH_CAP, "%s", path);

    t->path[0] = '\0';
    if (n < 0 || n >= HF_FILE_PATH_CAP)
        return ENAMETOOLONG;
    if (path[0] == '/')
        return 0;
    if (getcwd(t->path, HF_FILE_PATH_CAP) == NULL)
        return errno;
    t->len = strcmp(t->path, "/") == 0 ? 0 : strlen(t->path);
    t->path[t->len] = '\0';
    return t->path[0] == '/' || t->len == 0 ? 0 : ENOENT; /* "(unreachable)" */
}

int hf_way_follow(const char *path, char dst[static HF_FILE_PATH_CAP], hf_way *ret, bool *ret_missing)
{
    char text[HF_FILE_PATH_CAP];
    const char *rest = text;
    trail t = { .path = dst };

    *ret_missing = false;
    ret->steps = 0;
    ret->by_link = false;
    int code = start(&t, path, text);
    for (hf_view part; code == 0 && (part = part_take(&rest)).len > 0;) {
        if (trail_turn(&t, part))
            continue;
        code = trail_down(&t, part) ? step(ret, &t, text, &rest, ret_missing) : ENAMETOOLONG;
    }
    if (code == 0 && t.len == 0)
        (void)snprintf(dst, HF_FILE_PATH_CAP, "/");
    return code;
}
