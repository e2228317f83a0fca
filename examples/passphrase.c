/*
 * A passphrase from the terminal straight into locked memory: no stdio buffer, no copy on the stack, wiped when it is freed.
 *
 *   cc passphrase.c $(pkg-config --cflags --libs holdfast-mem) -o passphrase
 */
#include <holdfast/mem.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { LONGEST = 128 };

/* read(2) writes to the pages of the pool itself. */
static size_t read_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    while (n < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    hf_mem_wipe(line + n, size - n); /* the newline */
    return n;
}

static size_t ask(const char *prompt, char *line, size_t size)
{
    struct termios shown, hidden;
    int terminal = tcgetattr(STDIN_FILENO, &shown) == 0;

    if (terminal) { /* before the prompt: what is typed at once must not be shown, nor thrown away */
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    fprintf(stderr, "%s: ", prompt);
    size_t n = read_line(STDIN_FILENO, line, size);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return n;
}

int main(void)
{
    hf_pool *pool;
    void *first, *second;
    hf_err e = hf_pool_of_process(&pool);

    if (e == HF_OK)
        e = hf_pool_alloc(pool, LONGEST, &first);
    if (e == HF_OK)
        e = hf_pool_alloc(pool, LONGEST, &second);
    if (e == HF_OK)
        e = hf_wipe_on_exit(); /* Ctrl-C at the prompt leaves nothing behind either */
    if (e != HF_OK) {
        fprintf(stderr, "passphrase: %s\n", hf_err_text(e));
        return 1;
    }

    size_t length = ask("New passphrase", first, LONGEST);
    ask("Again", second, LONGEST);
    int same = hf_mem_equal(first, second, LONGEST); /* as long whatever is in them */

    hf_pool_status status;
    hf_pool_status_get(pool, &status);
    if (same)
        printf("%zu bytes in %s memory\n", length, hf_backing_name(status.backing));
    else
        puts("they differ");

    hf_pool_free(pool, second);
    hf_pool_free(pool, first);
    return same ? 0 : 1;
}
