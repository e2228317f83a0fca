/* Log lines on stderr. Only programs log; library code returns errors. Never give it secret bytes. */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

#include "base/macros.h"

typedef enum hf_log_level { HF_LOG_ERROR = 3, HF_LOG_WARN = 4, HF_LOG_INFO = 6, HF_LOG_DEBUG = 7 } hf_log_level;

/* Sets the name before each line; the text must live as long as the program. Lines carry "<N>" priorities when stderr is the journal (JOURNAL_STREAM). */
void hf_log_init(const char *program);

/* One line in one write(2); allocates nothing; longer lines are cut at 1 KiB. Control characters are shown as '?'. */
void hf_log(hf_log_level level, const char *format, ...) HF_PRINTF(2, 3);

/* Logs and ends the process with exit code 1. */
void hf_fatal(const char *format, ...) HF_PRINTF(1, 2) HF_NORETURN;

#endif
