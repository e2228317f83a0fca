/*
 * Log lines: on stderr, or with their fields to the systemd journal. Only programs log; library code returns errors. Never
 * give it secret bytes.
 */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

#include "base/macros.h"

#include <stddef.h>

typedef enum hf_log_level { HF_LOG_ERROR = 3, HF_LOG_WARN = 4, HF_LOG_INFO = 6, HF_LOG_DEBUG = 7 } hf_log_level;

/*
 * A fact beside the sentence. On stderr it follows the sentence as name=value; in the journal it is the field
 * HOLDFAST_NAME, so that `journalctl HOLDFAST_REQUEST_ID=...` finds it.
 */
typedef struct hf_log_field {
    const char *name;  /* lower case letters, digits and _ */
    const char *value; /* NULL: left out */
} hf_log_field;

/*
 * Sets the name before each line; the text must live as long as the program. A parent that logs to the journal hands its
 * socket on (HOLDFAST_JOURNAL_FD); else lines carry "<N>" priorities when stderr is the journal (JOURNAL_STREAM).
 */
void hf_log_init(const char *program);

/*
 * Connects to the journal when stderr goes there (sd_journal native protocol; systemd.exec(5), JOURNAL_STREAM). For the
 * process that starts the others, before its sandbox. Without a journal nothing changes.
 */
void hf_log_open_journal(void);
/* The journal's socket, to be handed on and kept open; -1 without one. */
int hf_log_descriptor(void);
#define HF_LOG_JOURNAL_VARIABLE "HOLDFAST_JOURNAL_FD"

/* One line in one write(2); allocates nothing; longer lines are cut at 1 KiB. Control characters are shown as '?'. */
void hf_log(hf_log_level level, const char *format, ...) HF_PRINTF(2, 3);
void hf_log_fields(hf_log_level level, const hf_log_field *fields, size_t n, const char *format, ...) HF_PRINTF(4, 5);

/* Logs and ends the process with exit code 1. */
void hf_fatal(const char *format, ...) HF_PRINTF(1, 2) HF_NORETURN;

#endif
