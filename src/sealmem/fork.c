/*
 * A child gets a copy of OpenSSL's heap. So that no key is in it, fork() waits until every call has left its seat. What
 * is forked without the C library (a bare clone) does not wait.
 *
 * Handlers run before a fork in the reverse order of their registration. These come from a constructor, so that they
 * are older than those of the program and run last: a program whose own handler takes a lock under which it seals still
 * gets that lock first.
 */
#include "sealmem/internal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static hf_coffer *newest; /* list of all, under the lock */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    for (hf_coffer *c = newest; c != NULL; c = c->older)
        hf_seats_lock(c);
}

/* In parent and child, whose only thread is the one that took the locks. */
static void after_fork(void)
{
    for (hf_coffer *c = newest; c != NULL; c = c->older)
        hf_seats_unlock(c);
    pthread_mutex_unlock(&lock);
}

static int handlers = -1;

__attribute__((constructor(101))) static void set_handlers(void)
{
    handlers = pthread_atfork(before_fork, after_fork, after_fork);
}

hf_err hf_coffers_add(hf_coffer *c)
{
    HF_CHECK(handlers == 0, HF_ERR_SYSTEM);
    pthread_mutex_lock(&lock);
    c->older = newest;
    if (newest != NULL)
        newest->newer = c;
    newest = c;
    pthread_mutex_unlock(&lock);
    return HF_OK;
}

void hf_coffers_remove(hf_coffer *c)
{
    pthread_mutex_lock(&lock);
    if (c->older != NULL)
        c->older->newer = c->newer;
    if (c->newer != NULL)
        c->newer->older = c->older;
    else if (newest == c)
        newest = c->older;
    pthread_mutex_unlock(&lock);
}
