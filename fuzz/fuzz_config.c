/*
 * Target functions: config_read, config_set, config_print
 * Whatever is accepted must print to a file that reads back as the same values.
 */
#include "config/file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[65536];
    hf_writer w = hf_writer_on(text, sizeof(text));
    struct config_values values, again;
    struct config_why why = { "" };

    if (size > CONFIG_FILE_MAX_BYTES)
        return 0;
    if (config_read(hf_view_of(data, size), &values, &why) != HF_OK) {
        if (why.text[0] == '\0')
            abort(); /* a refusal without a reason */
        return 0;
    }
    config_print(&values, &w);
    if (w.failed || config_read(hf_writer_view(&w), &again, &why) != HF_OK ||
        strcmp(values.listen, again.listen) != 0 || values.lanes != again.lanes || values.engine != again.engine ||
        strcmp(values.issuer, again.issuer) != 0)
        abort();
    return 0;
}
