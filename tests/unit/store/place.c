#include "place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

const char *place_program;

int place_set_up(void **state)
{
    place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    folder_make(p->folder, sizeof(p->folder));
    p->how = (store_start) { .program = place_program, .folder = p->folder };
    store_run_start(&p->r, &p->how);
    *state = p;
    return 0;
}

int place_tear_down(void **state)
{
    place *p = *state;

    if (p->r.supervisor != NULL)
        store_stop(&p->r);
    folder_remove(p->folder);
    free(p);
    return 0;
}

void place_channel_ends(place *p, const char *what)
{
    if (!store_core_ended(&p->r))
        fail_msg("the channel did not end after: %s", what);
    store_connect_core(&p->r);
    struct hf_store_rows rows = store_get(&p->r, 1, 1, 0);
    if (rows.error != HF_OK)
        fail_msg("the store is not well after: %s", what);
}
