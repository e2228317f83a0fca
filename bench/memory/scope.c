/*
 * Holdfast's scopes: a buffer that cannot be read at rest is opened, touched and closed.
 *
 *   pair     memfd_secret=1 write=0    one scope, two changes of rights; ns a scope
 *   nested   memfd_secret=1            a scope inside another one: no change of rights; ns a scope
 */
#include "floor.h"
#include <holdfast/mem.h>

static void scopes(void *state, uint64_t n)
{
    hf_buffer *b = state;
    hf_access how = floor_setting("write", 0) != 0 ? HF_ACCESS_READ_WRITE : HF_ACCESS_READ;
    for (uint64_t i = 0; i < n; i++) {
        void *p = NULL;
        if (hf_buffer_open(b, how, &p) != HF_OK)
            floor_fail("hf_buffer_open");
        if (how == HF_ACCESS_READ)
            (void)*(volatile uint8_t *)p;
        else
            *(volatile uint8_t *)p = 1;
        hf_buffer_close(b);
    }
}

int main(int argc, char **argv)
{
    const char *mode = floor_start(argc, argv);
    hf_buffer_spec spec = { .bytes = 32, .weakest = HF_BACKING_MLOCK, .at_rest = HF_ACCESS_NONE };
    hf_buffer *b = NULL;
    const char *why = "";
    void *outer = NULL;
    if (hf_buffer_new(&spec, &b, &why) != HF_OK)
        floor_fail("hf_buffer_new");
    if (strcmp(mode, "nested") == 0 && hf_buffer_open(b, HF_ACCESS_READ, &outer) != HF_OK)
        floor_fail("hf_buffer_open");
    floor_print_timing("hf_buffer scope", mode, floor_measure(scopes, b));
    if (outer != NULL)
        hf_buffer_close(b);
    hf_buffer_free(b);
    return 0;
}
