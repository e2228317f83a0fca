#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_CAP 1024
#define ENTRY_CAP 4096
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const char *program_name = "holdfast";
static bool journal_prefix;
static int journal_fd = -1;
static atomic_uint dropped; /* entries that a slow journal did not take */

/* ---- text that never grows over its end ---- */

typedef struct text {
    char *at;
    size_t len, cap;
} text;

static void put_char(text *t, char c)
{
    if (t->len < t->cap)
        t->at[t->len++] = (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

static void put_text(text *t, const char *s)
{
    while (*s != '\0')
        put_char(t, *s++);
}

/* The end of a field; room for it is kept by the callers' caps. */
static void put_newline(text *t)
{
    t->at[t->len++] = '\n';
}

static bool has_blank(const char *s)
{
    return *s == '\0' || strpbrk(s, " \"=") != NULL;
}

/* ---- the two forms ---- */

static void write_stderr(hf_log_level level, const hf_log_field *fields, size_t n, const char *sentence)
{
    char line[LINE_CAP + 1];
    text t = { line, 0, LINE_CAP - 1 };

    if (journal_prefix) {
        put_char(&t, '<');
        put_char(&t, (char)('0' + (int)level));
        put_char(&t, '>');
    }
    put_text(&t, program_name);
    put_text(&t, ": ");
    put_text(&t, sentence);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].value == NULL)
            continue;
        const char *quote = has_blank(fields[i].value) ? "\"" : "";
        put_char(&t, ' ');
        put_text(&t, fields[i].name);
        put_char(&t, '=');
        put_text(&t, quote);
        for (const char *c = fields[i].value; *c != '\0'; c++)
            put_char(&t, *c == '"' ? '\'' : *c);
        put_text(&t, quote);
    }
    put_newline(&t);
    /* Nothing can be done about a log that cannot be written. */
    if (write(STDERR_FILENO, line, t.len) < 0)
        return;
}

static void put_field(text *t, const char *prefix, const char *name, const char *value)
{
    size_t start = t->len;

    t->cap = ENTRY_CAP - 1;
    put_text(t, prefix);
    for (; *name != '\0'; name++)
        put_char(t, (char)toupper((unsigned char)*name));
    put_char(t, '=');
    put_text(t, value);
    if (t->len < t->cap)
        put_newline(t);
    else
        t->len = start; /* half a field would be read as another one */
}

/*
 * False when the journal is not there (any more). One that is slow or stopped must not stop a process that logs: what it does
 * not take is dropped, and the next entry says how many were.
 */
static bool write_journal(hf_log_level level, const hf_log_field *fields, size_t n, const char *sentence)
{
    char entry[ENTRY_CAP];
    char priority[2] = { (char)('0' + (int)level), '\0' };
    text t = { entry, 0, ENTRY_CAP - 1 };

    put_field(&t, "", "message", sentence);
    put_field(&t, "", "priority", priority);
    put_field(&t, "", "syslog_identifier", program_name);
    for (size_t i = 0; i < n; i++)
        if (fields[i].value != NULL)
            put_field(&t, "HOLDFAST_", fields[i].name, fields[i].value);
    unsigned left_out = atomic_exchange(&dropped, 0);
    if (left_out > 0) {
        char text_of[16];
        snprintf(text_of, sizeof(text_of), "%u", left_out);
        put_field(&t, "HOLDFAST_", "dropped", text_of);
    }
    if (write(journal_fd, entry, t.len) == (ssize_t)t.len)
        return true;
    bool slow = errno == EAGAIN || errno == ENOBUFS;
    atomic_fetch_add(&dropped, left_out + (slow ? 1 : 0));
    return slow;
}

static void write_line(hf_log_level level, const hf_log_field *fields, size_t n, const char *format, va_list args)
{
    char sentence[LINE_CAP];

    if (vsnprintf(sentence, sizeof(sentence), format, args) < 0)
        return;
    if (journal_fd < 0 || !write_journal(level, fields, n, sentence))
        write_stderr(level, fields, n, sentence);
}

/* ---- where lines go ---- */

/* A plain decimal number up to `max`, then `end`; gives what follows, NULL when it is none. */
static const char *number_read(const char *s, char end, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    const char *start = s;

    for (; *s >= '0' && *s <= '9'; s++) {
        v = v * 10 + (uint64_t)(*s - '0');
        if (v > max)
            return NULL;
    }
    if (s == start || *s != end)
        return NULL;
    *ret = v;
    return s + (end == '\0' ? 0 : 1);
}

/* The descriptor that a parent names; only a datagram socket is believed to be it. */
static int inherited(void)
{
    const char *name = getenv(HF_LOG_JOURNAL_VARIABLE);
    uint64_t fd = 0;
    int type = 0;
    socklen_t len = sizeof(type);

    if (name == NULL || number_read(name, '\0', 1023, &fd) == NULL || fd < 3)
        return -1;
    if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_DGRAM)
        return -1;
    return (int)fd;
}

void hf_log_init(const char *program)
{
    program_name = program;
    journal_prefix = getenv("JOURNAL_STREAM") != NULL;
    journal_fd = inherited();
}

/* The variable is inherited also by programs whose stderr is something else. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uint64_t device = 0, inode = 0;
    struct stat st;

    if (stream == NULL || (stream = number_read(stream, ':', UINT64_MAX / 16, &device)) == NULL ||
        number_read(stream, '\0', UINT64_MAX / 16, &inode) == NULL)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void hf_log_open_journal(void)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };

    if (journal_fd >= 0 || !stderr_is_journal())
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* a stopped journal stops nobody */
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        journal_fd = fd;
    else if (fd >= 0)
        close(fd);
}

int hf_log_descriptor(void)
{
    return journal_fd;
}

void hf_log(hf_log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(level, NULL, 0, format, args);
    va_end(args);
}

void hf_log_fields(hf_log_level level, const hf_log_field *fields, size_t n, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(level, fields, n, format, args);
    va_end(args);
}

void hf_fatal(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(HF_LOG_ERROR, NULL, 0, format, args);
    va_end(args);
    _exit(1);
}
