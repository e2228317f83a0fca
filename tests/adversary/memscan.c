/*
 * Looks for key bytes where root can look: memory of a live process, registers of its threads, files.
 *
 *   memscan NEEDLES mem PID | registers PID | file PATH | strobe PID
 *
 * strobe stops every thread before and after each of its system calls and looks at all memory that can be written, until
 * SIGTERM: what lies there for a moment only is found too. It says `ready` first.
 *
 * NEEDLES: lines `label hex`. Every window of 8 bytes of every needle is looked up at every byte offset. Prints
 *
 *   hit LABEL COUNT WHERE       a sum for each label and place (map, thread, register set)
 *   closed BYTES WHERE ERRNO    a readable map that the kernel does not let us read
 *   scanned BYTES PLACES
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WINDOW 8
#define NEEDLES_MAX 4096
#define SLOTS (1u << 18)
#define SIEVE_BITS 24
#define CHUNK ((size_t)1 << 20)
#define DISTINCT_MIN 5 /* windows with fewer different bytes occur by chance */

typedef struct slot {
    uint64_t window;
    uint32_t needle; /* 1 + index; 0: empty */
} slot;

static struct {
    char label[64];
    uint64_t hits;
} needle[NEEDLES_MAX];
static uint32_t n_needles;
static slot table[SLOTS];
static uint32_t n_windows;
static uint8_t sieve[1u << (SIEVE_BITS - 3)];
static uint64_t scanned, places;

static void fail(const char *what)
{
    fprintf(stderr, "memscan: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t mix(uint64_t w)
{
    return (w ^ (w >> 29)) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool varied(const uint8_t *p)
{
    unsigned distinct = 0;
    for (int i = 0; i < WINDOW; i++) {
        bool seen = false;
        for (int j = 0; j < i; j++)
            seen = seen || p[i] == p[j];
        distinct += !seen;
    }
    return distinct >= DISTINCT_MIN;
}

static void add_window(const uint8_t *p, uint32_t index)
{
    uint64_t w;
    memcpy(&w, p, WINDOW);
    uint64_t h = mix(w);
    uint32_t bit = (uint32_t)(h >> (64 - SIEVE_BITS));
    sieve[bit >> 3] = (uint8_t)(sieve[bit >> 3] | (1u << (bit & 7)));
    uint32_t at = (uint32_t)(h >> 20) % SLOTS;
    while (table[at].needle != 0) {
        if (table[at].window == w)
            return; /* the first needle with this window counts */
        at = (at + 1) % SLOTS;
    }
    table[at] = (slot) { w, index + 1 };
    if (++n_windows > SLOTS / 2)
        fail("too many needles");
}

static void add_needle(const char *label, const char *hex)
{
    static uint8_t bytes[65536];
    size_t n = 0;
    if (n_needles >= NEEDLES_MAX)
        fail("too many needles");
    for (unsigned value; n < sizeof bytes && sscanf(hex + 2 * n, "%2x", &value) == 1; n++)
        bytes[n] = (uint8_t)value;
    snprintf(needle[n_needles].label, sizeof needle[0].label, "%.60s", label);
    for (size_t i = 0; i + WINDOW <= n; i++)
        if (varied(bytes + i))
            add_window(bytes + i, n_needles);
    n_needles++;
}

static void read_needles(const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    if (f == NULL)
        fail(path);
    while (getline(&line, &cap, f) > 0) {
        char *hex = strchr(line, ' ');
        if (hex == NULL)
            fail("a line without needle");
        *hex = '\0';
        add_needle(line, hex + 1);
    }
    free(line);
    fclose(f);
    if (n_windows == 0)
        fail("no needles");
}

static void look(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + WINDOW <= n; i++) {
        uint64_t w;
        memcpy(&w, p + i, WINDOW);
        uint64_t h = mix(w);
        uint32_t bit = (uint32_t)(h >> (64 - SIEVE_BITS));
        if ((sieve[bit >> 3] & (1u << (bit & 7))) == 0)
            continue;
        for (uint32_t at = (uint32_t)(h >> 20) % SLOTS; table[at].needle != 0; at = (at + 1) % SLOTS)
            if (table[at].window == w) {
                needle[table[at].needle - 1].hits++;
                break;
            }
    }
    scanned += n;
}

static void print_hits(const char *where)
{
    for (uint32_t i = 0; i < n_needles; i++) {
        if (needle[i].hits > 0)
            printf("hit %s %" PRIu64 " %s\n", needle[i].label, needle[i].hits, where);
        needle[i].hits = 0;
    }
    places++;
}

/* Reads from `at` on, chunks overlapping by a window. False with errno when nothing at all can be read. */
static bool look_at_range(int fd, uint64_t at, uint64_t end)
{
    static uint8_t chunk[CHUNK + WINDOW];
    size_t kept = 0;
    bool any = false;
    while (at < end) {
        size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
        ssize_t got = pread(fd, chunk + kept, want, (off_t)at);
        if (got <= 0)
            return any;
        any = true;
        at += (uint64_t)got;
        size_t n = kept + (size_t)got;
        look(chunk, n);
        scanned -= kept;
        kept = n < WINDOW - 1 ? n : WINDOW - 1;
        memmove(chunk, chunk + n - kept, kept);
    }
    return any;
}

static void scan_memory(const char *pid, bool only_writable)
{
    char path[64], *line = NULL;
    size_t cap = 0;
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "re");
    if (maps == NULL)
        fail(path);
    while (getline(&line, &cap, maps) > 0) {
        uint64_t from, to;
        char rights[5], name[256] = "anonymous", where[320];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %255[^\n]", &from, &to, rights, name) < 3)
            fail("a map that cannot be understood");
        if (only_writable && (rights[1] != 'w' || strstr(name, "/secretmem") != NULL))
            continue;
        if (rights[0] != 'r' || strstr(name, "[vvar") != NULL || strstr(name, "[vsyscall]") != NULL)
            continue;
        snprintf(where, sizeof where, "%" PRIx64 "-%" PRIx64 " %s %.255s", from, to, rights, name);
        if (!look_at_range(fd, from, to))
            printf("closed %" PRIu64 " %s errno %d\n", to - from, where, errno);
        print_hits(where);
    }
    free(line);
    fclose(maps);
    close(fd);
}

static void scan_register_set(pid_t tid, int type, const char *name)
{
    static uint8_t set[65536];
    struct iovec vec = { set, sizeof set };
    char where[64];
    memset(set, 0, sizeof set);
    if (ptrace(PTRACE_GETREGSET, tid, (void *)(intptr_t)type, &vec) != 0)
        fail("PTRACE_GETREGSET");
    look(set, vec.iov_len);
    snprintf(where, sizeof where, "thread %d %s", (int)tid, name);
    print_hits(where);
}

static void scan_thread(pid_t tid)
{
    int status;
    if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0 ||
        waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
        fail("a thread cannot be stopped");
    scan_register_set(tid, NT_PRSTATUS, "NT_PRSTATUS");
    scan_register_set(tid, NT_PRFPREG, "NT_PRFPREG");
#if defined(__x86_64__)
    scan_register_set(tid, NT_X86_XSTATE, "NT_X86_XSTATE");
#endif
    if (ptrace(PTRACE_DETACH, tid, 0, 0) != 0)
        fail("PTRACE_DETACH");
}

static void scan_registers(const char *pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        fail(path);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        if (e->d_name[0] != '.')
            scan_thread((pid_t)atoi(e->d_name));
    closedir(dir);
}

static volatile sig_atomic_t ended;

static void on_term(int number)
{
    (void)number;
    ended = 1;
}

static void strobe_attach(const char *pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        fail(path);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        pid_t tid = (pid_t)atoi(e->d_name);
        if (tid > 0 &&
            (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD) != 0 || ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0))
            fail("a thread cannot be traced");
    }
    closedir(dir);
}

/* The threads go on by themselves when we end. */
static void strobe(const char *pid)
{
    const struct sigaction end = { .sa_handler = on_term }; /* no SA_RESTART: it must end the waiting */
    sigaction(SIGTERM, &end, NULL);
    strobe_attach(pid);
    puts("ready");
    fflush(stdout);
    while (!ended) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0 && errno == EINTR)
            continue;
        if (tid < 0)
            break; /* all threads have ended */
        if (!WIFSTOPPED(status))
            continue;
        int number = WSTOPSIG(status);
        bool call = number == (SIGTRAP | 0x80);
        if (call)
            scan_memory(pid, true);
        bool ours = call || number == SIGTRAP || status >> 16 != 0;
        (void)ptrace(PTRACE_SYSCALL, tid, 0, ours ? 0 : number);
    }
}

static void scan_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    off_t size = lseek(fd, 0, SEEK_END);
    if (size > 0 && !look_at_range(fd, 0, (uint64_t)size))
        fail(path);
    print_hits(path);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: memscan NEEDLES mem PID | registers PID | file PATH | strobe PID\n", stderr);
        return 2;
    }
    read_needles(argv[1]);
    if (strcmp(argv[2], "mem") == 0)
        scan_memory(argv[3], false);
    else if (strcmp(argv[2], "registers") == 0)
        scan_registers(argv[3]);
    else if (strcmp(argv[2], "strobe") == 0)
        strobe(argv[3]);
    else
        scan_file(argv[3]);
    printf("scanned %" PRIu64 " %" PRIu64 "\n", scanned, places);
    return 0;
}
