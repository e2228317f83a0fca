#include "vfs_crash.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 8
#define SECTOR 512

typedef struct pending {
    bool truncate;
    size_t at, len; /* truncate: at is the new length */
    uint8_t *bytes;
} pending;

/* What the disk holds for sure, and what it may hold. */
typedef struct shadow {
    char path[256];
    bool created;  /* and not synced since: may be gone */
    bool deleted;  /* and the folder not synced since: may be back */
    bool gone;     /* deleted for good */
    uint8_t *durable;
    size_t durable_len, durable_cap;
    pending *list;
    size_t n, cap;
} shadow;

typedef struct crash_file {
    sqlite3_file base;
    shadow *shadow;
    bool sync_folder; /* the first sync of a log or journal also syncs the folder, as the system's layer does it */
    sqlite3_file *real;
} crash_file;

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *system;
    shadow files[FILES_MAX];
    size_t n_files;
    crash_fault fault;
    uint64_t at, operations, syncs, happened_at;
    bool happened, off; /* off: the power is gone */
    int last_errno;
    char where[300];
    void (*on_cut)(void);
} disk;

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* ---- the shadow ---- */

static void forget_list(shadow *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->list[i].bytes);
    s->n = 0;
}

static void forget(shadow *s)
{
    forget_list(s);
    free(s->list);
    free(s->durable);
    memset(s, 0, sizeof(*s));
}

static void image_write(uint8_t **image, size_t *len, size_t *cap, size_t at, const uint8_t *bytes, size_t n)
{
    size_t end = at + n;

    if (end > *cap) {
        *cap = end * 2;
        *image = must(realloc(*image, *cap));
    }
    if (end > *len) {
        memset(*image + *len, 0, end - *len);
        *len = end;
    }
    memcpy(*image + at, bytes, n);
}

static void image_truncate(uint8_t **image, size_t *len, size_t *cap, size_t to)
{
    static const uint8_t none[1];

    if (to > *len)
        image_write(image, len, cap, to, none, 0);
    *len = to;
}

static void read_durable(shadow *s)
{
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        abort();
    s->durable_len = (size_t)st.st_size;
    s->durable_cap = s->durable_len + 1;
    s->durable = must(malloc(s->durable_cap));
    if (pread(fd, s->durable, s->durable_len, 0) != (ssize_t)s->durable_len)
        abort();
    close(fd);
}

static shadow *shadow_of(const char *path)
{
    for (size_t i = 0; i < disk.n_files; i++)
        if (strcmp(disk.files[i].path, path) == 0)
            return &disk.files[i];
    return NULL;
}

/* Called before the file is opened, so that its creation is seen. */
static shadow *shadow_for(const char *path)
{
    shadow *s = shadow_of(path);
    bool there = access(path, F_OK) == 0;

    if (s == NULL) {
        if (disk.n_files == FILES_MAX)
            abort();
        s = &disk.files[disk.n_files++];
        snprintf(s->path, sizeof(s->path), "%s", path);
        if (there)
            read_durable(s);
    }
    if (!there) {
        /* A new file under a name whose removal may not have reached the disk: taken as removed. */
        char name[256];
        memcpy(name, s->path, sizeof(name));
        forget(s);
        memcpy(s->path, name, sizeof(name));
        s->created = true;
    }
    return s;
}

static void note(shadow *s, bool truncate, size_t at, const void *bytes, size_t len)
{
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 64 : s->cap * 2;
        s->list = must(realloc(s->list, s->cap * sizeof(pending)));
    }
    pending *p = &s->list[s->n++];
    *p = (pending) { .truncate = truncate, .at = at, .len = len, .bytes = len > 0 ? must(malloc(len)) : NULL };
    if (len > 0)
        memcpy(p->bytes, bytes, len);
}

static void make_durable(shadow *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const pending *p = &s->list[i];
        if (p->truncate)
            image_truncate(&s->durable, &s->durable_len, &s->durable_cap, p->at);
        else
            image_write(&s->durable, &s->durable_len, &s->durable_cap, p->at, p->bytes, p->len);
    }
    forget_list(s);
}

/* Creations and deletions are on the disk now. */
static void sync_folder(void)
{
    for (size_t i = 0; i < disk.n_files; i++) {
        char name[sizeof(disk.files[i].path)];
        shadow *s = &disk.files[i];
        s->created = false;
        if (s->deleted) {
            memcpy(name, s->path, sizeof(name));
            forget(s);
            memcpy(s->path, name, sizeof(name));
            s->gone = true;
        }
    }
}

/* ---- faults ---- */

static void happens(const char *what, const shadow *s)
{
    disk.happened = true;
    disk.happened_at = disk.operations;
    snprintf(disk.where, sizeof(disk.where), "operation %llu: %s %s", (unsigned long long)disk.operations, what,
             s == NULL ? "" : s->path);
}

static void tell_cut(void)
{
    void (*fn)(void) = disk.on_cut;

    disk.on_cut = NULL;
    if (fn != NULL)
        fn();
}

/* Counts one operation; true when the power is gone, from this one on. */
static bool power_gone(const char *what, const shadow *s)
{
    if (disk.off)
        return true;
    disk.operations++;
    if (disk.fault != CRASH_POWER_CUT || disk.operations < disk.at)
        return false;
    happens(what, s);
    disk.off = true;
    disk.last_errno = EIO;
    return true;
}

static bool once(crash_fault fault, const char *what, const shadow *s)
{
    if (disk.fault != fault || disk.happened || disk.operations < disk.at)
        return false;
    happens(what, s);
    disk.last_errno = EIO;
    return true;
}

static bool no_space(const crash_file *f, size_t end)
{
    sqlite3_int64 size = 0;

    if ((disk.fault != CRASH_WRITE_FULL && disk.fault != CRASH_WRITE_QUOTA) || disk.operations < disk.at)
        return false;
    if (f->real->pMethods->xFileSize(f->real, &size) != SQLITE_OK || end <= (size_t)size)
        return false;
    happens("write without space", f->shadow);
    disk.last_errno = disk.fault == CRASH_WRITE_FULL ? ENOSPC : EDQUOT;
    return true;
}

/* ---- file methods ---- */

static crash_file *of(sqlite3_file *file)
{
    return (crash_file *)(void *)file;
}

static int crash_close(sqlite3_file *file)
{
    return of(file)->real->pMethods->xClose(of(file)->real);
}

static int crash_read(sqlite3_file *file, void *dst, int n, sqlite3_int64 at)
{
    return disk.off ? SQLITE_IOERR_READ : of(file)->real->pMethods->xRead(of(file)->real, dst, n, at);
}

static int crash_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    crash_file *f = of(file);
    bool was_off = disk.off;

    if (power_gone("write", f->shadow)) {
        /* The write that the cut hits may have reached the disk in part. */
        if (!was_off)
            note(f->shadow, false, (size_t)at, bytes, (size_t)n);
        tell_cut();
        return SQLITE_IOERR_WRITE;
    }
    if (once(CRASH_WRITE_EIO, "write", f->shadow))
        return SQLITE_IOERR_WRITE;
    /* As the system's layer does it: ENOSPC is SQLITE_FULL, EDQUOT a failed write. */
    if (no_space(f, (size_t)(at + n)))
        return disk.last_errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    note(f->shadow, false, (size_t)at, bytes, (size_t)n);
    return f->real->pMethods->xWrite(f->real, bytes, n, at);
}

static int crash_truncate(sqlite3_file *file, sqlite3_int64 to)
{
    crash_file *f = of(file);
    bool was_off = disk.off;

    if (power_gone("truncate", f->shadow)) {
        if (!was_off)
            note(f->shadow, true, (size_t)to, NULL, 0);
        tell_cut();
        return SQLITE_IOERR_TRUNCATE;
    }
    note(f->shadow, true, (size_t)to, NULL, 0);
    return f->real->pMethods->xTruncate(f->real, to);
}

/* Nothing of the machine under the test is synced: the shadow is the disk. */
static int crash_sync(sqlite3_file *file, int flags)
{
    crash_file *f = of(file);

    (void)flags;
    if (power_gone("sync", f->shadow)) {
        tell_cut();
        return SQLITE_IOERR_FSYNC;
    }
    disk.syncs++;
    if (once(CRASH_FSYNC_EIO, "sync", f->shadow)) {
        forget_list(f->shadow);
        return SQLITE_IOERR_FSYNC;
    }
    make_durable(f->shadow);
    if (f->sync_folder)
        sync_folder();
    f->sync_folder = false;
    return SQLITE_OK;
}

static int crash_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return of(file)->real->pMethods->xFileSize(of(file)->real, ret);
}

static int crash_lock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xLock(of(file)->real, level);
}

static int crash_unlock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xUnlock(of(file)->real, level);
}

static int crash_check_lock(sqlite3_file *file, int *ret)
{
    return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, ret);
}

static int crash_control(sqlite3_file *file, int op, void *arg)
{
    return of(file)->real->pMethods->xFileControl(of(file)->real, op, arg);
}

static int crash_sector(sqlite3_file *file)
{
    return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int crash_characteristics(sqlite3_file *file)
{
    return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real);
}

/* Version 1: no shared memory and no mapping, which the store must not want. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = crash_close,
    .xRead = crash_read,
    .xWrite = crash_write,
    .xTruncate = crash_truncate,
    .xSync = crash_sync,
    .xFileSize = crash_file_size,
    .xLock = crash_lock,
    .xUnlock = crash_unlock,
    .xCheckReservedLock = crash_check_lock,
    .xFileControl = crash_control,
    .xSectorSize = crash_sector,
    .xDeviceCharacteristics = crash_characteristics,
};

/* ---- the layer ---- */

static int crash_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
    crash_file *f = of(file);

    (void)vfs;
    file->pMethods = NULL;
    if (disk.off || name == NULL)
        return SQLITE_CANTOPEN;
    bool creates = access(name, F_OK) != 0;
    f->shadow = shadow_for(name);
    if (creates && power_gone("create", f->shadow)) {
        f->shadow->created = false;
        f->shadow->gone = true;
        tell_cut();
        return SQLITE_CANTOPEN;
    }
    f->sync_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    f->real = (sqlite3_file *)(void *)(f + 1);
    int rc = disk.system->xOpen(disk.system, name, f->real, flags, ret_flags);
    if (rc == SQLITE_OK)
        file->pMethods = &methods;
    return rc;
}

static int crash_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    shadow *s = shadow_of(name);

    (void)vfs;
    if (power_gone("delete", s)) {
        tell_cut();
        return SQLITE_IOERR_DELETE;
    }
    if (s != NULL)
        s->deleted = sync_folder == 0;
    return disk.system->xDelete(disk.system, name, sync_folder);
}

static int crash_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs;
    return disk.system->xAccess(disk.system, name, flags, ret);
}

static int crash_full_pathname(sqlite3_vfs *vfs, const char *name, int cap, char *ret)
{
    (void)vfs;
    return snprintf(ret, (size_t)cap, "%s", name) < cap ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int crash_last_error(sqlite3_vfs *vfs, int n, char *dst)
{
    (void)vfs;
    return disk.happened ? disk.last_errno : disk.system->xGetLastError(disk.system, n, dst);
}

void crash_vfs_register(void)
{
    disk.system = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.system;
    disk.vfs.zName = CRASH_VFS;
    disk.vfs.pNext = NULL;
    disk.vfs.szOsFile = (int)sizeof(crash_file) + disk.system->szOsFile;
    disk.vfs.xOpen = crash_open;
    disk.vfs.xDelete = crash_delete;
    disk.vfs.xAccess = crash_access;
    disk.vfs.xFullPathname = crash_full_pathname;
    disk.vfs.xGetLastError = crash_last_error;
    if (sqlite3_vfs_register(&disk.vfs, 0) != SQLITE_OK)
        abort();
}

void crash_vfs_on_cut(void (*fn)(void))
{
    disk.on_cut = fn;
}

void crash_vfs_rearm(crash_fault fault, uint64_t at)
{
    disk.fault = fault;
    disk.at = at;
    disk.operations = 0;
    disk.syncs = 0;
    disk.happened = false;
    disk.off = false;
    disk.last_errno = 0;
    disk.where[0] = '\0';
}

void crash_vfs_arm(crash_fault fault, uint64_t at)
{
    for (size_t i = 0; i < disk.n_files; i++)
        forget(&disk.files[i]);
    disk.n_files = 0;
    crash_vfs_rearm(fault, at);
}

uint64_t crash_vfs_operations(void)
{
    return disk.operations;
}

uint64_t crash_vfs_syncs(void)
{
    return disk.syncs;
}

bool crash_vfs_happened(void)
{
    return disk.happened;
}

uint64_t crash_vfs_happened_at(void)
{
    return disk.happened_at;
}

const char *crash_vfs_where(void)
{
    return disk.where;
}

/* ---- the image after the cut ---- */

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static bool coin(uint64_t *seed)
{
    return (draw(seed) >> 20 & 1) != 0;
}

/*
 * The sectors of one write reach the disk or not, each by itself; a lost one behind the end of the file may show
 * anything.
 */
static void write_torn(shadow *s, const pending *p, uint64_t *seed)
{
    uint8_t junk[SECTOR];

    for (size_t done = 0; done < p->len;) {
        size_t at = p->at + done;
        size_t n = SECTOR - at % SECTOR;
        n = n < p->len - done ? n : p->len - done;
        if (coin(seed)) {
            image_write(&s->durable, &s->durable_len, &s->durable_cap, at, p->bytes + done, n);
        } else if (at >= s->durable_len && coin(seed)) {
            memset(junk, coin(seed) ? 0 : (int)(draw(seed) & 0xff), sizeof(junk));
            image_write(&s->durable, &s->durable_len, &s->durable_cap, at, junk, n);
        }
        done += n;
    }
}

static void settle_one(shadow *s, const pending *p, crash_loss loss, uint64_t *seed)
{
    if (loss == CRASH_DROP_ALL || (loss != CRASH_KEEP_ALL && coin(seed)))
        return;
    if (p->truncate)
        image_truncate(&s->durable, &s->durable_len, &s->durable_cap, p->at);
    else if (loss == CRASH_TEAR || loss == CRASH_TEAR_REORDER)
        write_torn(s, p, seed);
    else
        image_write(&s->durable, &s->durable_len, &s->durable_cap, p->at, p->bytes, p->len);
}

static void shuffle(shadow *s, uint64_t *seed)
{
    for (size_t i = s->n; i > 1; i--) {
        size_t j = (size_t)(draw(seed) % i);
        pending swap = s->list[i - 1];
        s->list[i - 1] = s->list[j];
        s->list[j] = swap;
    }
}

static void put_on_disk(const shadow *s, bool there)
{
    if (!there) {
        unlink(s->path);
        return;
    }
    int fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || (s->durable_len > 0 && write(fd, s->durable, s->durable_len) != (ssize_t)s->durable_len))
        abort();
    close(fd);
}

void crash_vfs_settle(crash_loss loss, uint64_t seed)
{
    seed = seed * 0x9e3779b97f4a7c15u | 1;
    for (size_t i = 0; i < disk.n_files; i++) {
        shadow *s = &disk.files[i];
        bool there = !s->gone;
        if (s->deleted)
            there = loss == CRASH_DROP_ALL || (loss != CRASH_KEEP_ALL && coin(&seed));
        if (s->created && loss != CRASH_KEEP_ALL)
            there = there && loss != CRASH_DROP_ALL && coin(&seed);
        if (loss == CRASH_TEAR_REORDER)
            shuffle(s, &seed);
        for (size_t j = 0; j < s->n; j++)
            settle_one(s, &s->list[j], loss, &seed);
        forget_list(s);
        put_on_disk(s, there);
    }
}
