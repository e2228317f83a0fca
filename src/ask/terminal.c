/* The controlling terminal, with its echo off for one line. */
#include "ask/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Signals that end or stop a process: the terminal must be as it was before they have their effect. */
static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGALRM };
static volatile sig_atomic_t came[NSIG];

static void on_signal(int signal)
{
    came[signal] = 1;
}

struct held {
    sigset_t mask; /* before */
    struct sigaction action[HF_COUNT(caught)];
};

/* Blocked but while we wait for a key, so that none is missed between the look and the wait. */
static void signals_take(struct held *h)
{
    struct sigaction ours = { .sa_handler = on_signal };
    sigset_t set;

    sigemptyset(&set);
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < HF_COUNT(caught); i++) {
        came[caught[i]] = 0;
        sigaddset(&set, caught[i]);
        sigaction(caught[i], NULL, &h->action[i]);
        if (h->action[i].sa_handler != SIG_IGN)
            sigaction(caught[i], &ours, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, &h->mask);
}

/* Gives them back, and then their effect. True: one came (and did not end us: it was a stop, or somebody handles it). */
static bool signals_give(const struct held *h)
{
    bool any = false;

    for (size_t i = 0; i < HF_COUNT(caught); i++)
        sigaction(caught[i], &h->action[i], NULL);
    for (size_t i = 0; i < HF_COUNT(caught); i++)
        if (came[caught[i]]) {
            any = true;
            kill(getpid(), caught[i]);
        }
    sigprocmask(SIG_SETMASK, &h->mask, NULL);
    return any;
}

static bool signal_came(void)
{
    for (size_t i = 0; i < HF_COUNT(caught); i++)
        if (came[caught[i]])
            return true;
    return false;
}

static void put(int fd, const char *text)
{
    ssize_t ignored = write(fd, text, strlen(text));

    (void)ignored; /* a terminal that does not take it shows nothing; there is nowhere else to say it */
}

typedef enum line_end { LINE_WHOLE, LINE_TOO_LONG, LINE_ENDED, LINE_SIGNAL } line_end;

/* The terminal gives whole lines: editing is its work, and what was rubbed out never comes here. */
static line_end line_read(int fd, const sigset_t *mask, uint8_t *dst, size_t cap, size_t *ret_len)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    size_t len = 0;
    bool too_long = false;

    for (;;) {
        uint8_t *at = dst + (too_long ? 0 : len);
        if (signal_came())
            return LINE_SIGNAL;
        if (ppoll(&p, 1, NULL, mask) < 0 && errno != EINTR)
            return LINE_ENDED;
        if (signal_came())
            return LINE_SIGNAL;
        ssize_t n = read(fd, at, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return LINE_ENDED;
        if (*at == '\n') {
            *ret_len = len;
            return too_long ? LINE_TOO_LONG : LINE_WHOLE;
        }
        if (len + 1 < cap)
            len++;
        else
            too_long = true;
    }
}

static line_end ask_once(int fd, const char *question, uint8_t *dst, size_t cap, size_t *ret_len)
{
    struct termios before, quiet;
    struct held held;

    if (tcgetattr(fd, &before) != 0)
        return LINE_ENDED;
    signals_take(&held);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    line_end end = LINE_ENDED;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) == 0) {
        put(fd, question);
        end = line_read(fd, &held.mask, dst, cap, ret_len);
        (void)tcsetattr(fd, TCSAFLUSH, &before);
        put(fd, "\n");
    }
    if (signals_give(&held))
        end = LINE_SIGNAL;
    return end;
}

hf_err hf_ask_terminal(const char *question, uint8_t *dst, size_t cap, size_t *ret_len)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    line_end end;

    HF_CHECK(fd >= 0, HF_ERR_NOT_FOUND);
    do /* after a stop and its continuation the line begins anew */
        end = ask_once(fd, question, dst, cap, ret_len);
    while (end == LINE_SIGNAL);
    close(fd);
    HF_CHECK(end != LINE_TOO_LONG, HF_ERR_TOO_LARGE);
    return end == LINE_WHOLE ? HF_OK : HF_ERR_SYSTEM;
}

bool hf_ask_tell(const char *line)
{
    int fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return false;
    put(fd, line);
    put(fd, "\n");
    close(fd);
    return true;
}
