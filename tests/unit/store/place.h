/* A folder with a running store in it: what each test of the program starts from, and what is left of it goes. */
#ifndef HF_TEST_STORE_PLACE_H
#define HF_TEST_STORE_PLACE_H

#include "harness.h"

typedef struct place {
    char folder[64];
    store_run r;
    store_start how;
} place;

/* The store program; set by main. */
extern const char *place_program;

int place_set_up(void **state);
int place_tear_down(void **state);

/* Core's channel ends, the process does not, and a next core finds everything in order: row 1 of kind 1 is there. */
void place_channel_ends(place *p, const char *what);

#endif
