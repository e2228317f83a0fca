/*
 * The slow worker: one thread on a stack in the arena. It makes RSA keys, and opens and checks keys that come from
 * outside. Neither the lock nor the transaction slot is held meanwhile. A request that waits here is parked; its job
 * may outlive it, and then what was made is wiped.
 */
#include "core/op.h"

#include "crypto/crypto.h"
#include "records/envelope.h"
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (256u * 1024)
#define JOBS_MAX 64u
#define JOBS_PER_ACTOR 2u
#define KEK_BYTES 32u

typedef enum slow_kind { SLOW_GENERATE, SLOW_IMPORT } slow_kind;
typedef enum slow_state { SLOW_QUEUED, SLOW_RUNNING, SLOW_DONE, SLOW_TAKEN } slow_state;

struct slow_job {
    slow_job *next;
    request *request; /* NULL: nobody waits for it any more; or it has the job now */
    char subject[129];
    bool has_answer;
    uint8_t answer_id[16];
    slow_kind kind;
    slow_state state;
    hf_alg alg;
    cached_key *import; /* held */
    uint8_t *wrapped;
    size_t wrapped_len;
    struct slow_result result;
};

struct slow_worker {
    slow_job *jobs; /* queued, running, done; in the order they came */
    size_t n_jobs;
    pthread_cond_t wake; /* with the core's lock */
    bool up;
    slow_job *running;
};

/* ---- the work, without the lock ---- */

static hf_err generate(slow_job *job)
{
    HF_TRY(hf_key_generate(job->alg, &job->result.material));
    HF_TRY(hf_key_load_private(job->alg, job->result.material, &job->result.key));
    job->result.alg = job->alg;
    return HF_OK;
}

/*
 * The key encryption key. An OAEP block that cannot be opened gives a random one, as ML-KEM does by itself: whatever is
 * wrong, the same steps follow and the same error comes out.
 */
static hf_err open_kek(const slow_job *job, hf_view head, hf_secret **ret)
{
    const hf_key *import = cache_key(job->import);
    HF_AUTO(hf_secret_freep) hf_secret *random = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *opened = NULL;

    HF_TRY(hf_secret_new(KEK_BYTES, &random));
    if (hf_key_alg(import) == HF_ALG_ML_KEM_768) {
        HF_TRY(hf_key_decapsulate(import, head, hf_secret_bytes(random)));
    } else {
        HF_TRY(hf_random(hf_secret_bytes(random), KEK_BYTES));
        hf_err e = hf_key_oaep_open(import, head, &opened);
        HF_CHECK(e == HF_OK || e == HF_ERR_BAD_CIPHERTEXT, e);
    }
    hf_secret **from = opened != NULL && hf_secret_len(opened) == KEK_BYTES ? &opened : &random;
    *ret = *from;
    *from = NULL;
    return HF_OK;
}

static hf_err read_material(slow_job *job, hf_secret **plain)
{
    struct slow_result *r = &job->result;

    if (!hf_alg_symmetric(job->alg)) {
        HF_TRY(hf_key_read_pkcs8(job->alg, *plain, &r->alg, &r->material));
    } else {
        r->alg = job->alg;
        r->material = *plain;
        *plain = NULL;
    }
    return hf_key_load_private(r->alg, r->material, &r->key);
}

static hf_err open_wrapped(slow_job *job)
{
    HF_AUTO(hf_secret_freep) hf_secret *kek = NULL;
    HF_AUTO(hf_secret_freep) hf_secret *plain = NULL;
    struct hf_envelope envelope;

    HF_TRY(
        hf_envelope_parse(hf_key_alg(cache_key(job->import)), hf_view_of(job->wrapped, job->wrapped_len), &envelope));
    HF_TRY(open_kek(job, envelope.head, &kek));
    HF_TRY(hf_kwp_unwrap(kek, envelope.body, &plain));
    return read_material(job, &plain);
}

static void run(slow_job *job)
{
    job->result.error = job->kind == SLOW_GENERATE ? generate(job) : open_wrapped(job);
    if (job->result.error != HF_OK) {
        hf_key_free(job->result.key);
        hf_secret_free(job->result.material);
        job->result.key = NULL;
        job->result.material = NULL;
    }
}

/* ---- jobs; locked ---- */

void slow_free(core *c, slow_job *job)
{
    if (job == NULL)
        return;
    hf_key_free(job->result.key);
    hf_secret_free(job->result.material);
    if (job->import != NULL)
        cache_release(c, job->import);
    free(job->wrapped);
    free(job);
}

static void take_out(slow_worker *w, slow_job *job)
{
    slow_job **at = &w->jobs;

    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    job->next = NULL;
    w->n_jobs--;
}

static slow_job *first_queued(const slow_worker *w)
{
    slow_job *job = w->jobs;

    while (job != NULL && job->state != SLOW_QUEUED)
        job = job->next;
    return job;
}

bool slow_running(const core *c)
{
    return c->slow->running != NULL;
}

bool slow_has_answer(const core *c, const uint8_t id[static 16])
{
    for (const slow_job *job = c->slow->jobs; job != NULL; job = job->next)
        if (job->request != NULL && job->has_answer && hf_ct_equal(job->answer_id, id, sizeof(job->answer_id)))
            return true;
    return false;
}

struct slow_result *slow_result(const request *r)
{
    return r->slow != NULL ? &r->slow->result : NULL;
}

static size_t jobs_of(const slow_worker *w, const char *subject)
{
    size_t n = 0;

    for (const slow_job *job = w->jobs; job != NULL; job = job->next)
        if (strcmp(job->subject, subject) == 0)
            n++;
    return n;
}

static hf_err new_job(op *o, slow_kind kind, hf_alg alg, slow_job **ret)
{
    slow_worker *w = o->core->slow;

    if (jobs_of(w, o->who.subject) >= JOBS_PER_ACTOR)
        return op_fails(o, HF_ERR_QUOTA,
                        "this actor has two slow operations under way (RSA keys being made, imported keys being "
                        "checked): retry when one is done");
    HF_CHECK(w->n_jobs < JOBS_MAX, HF_ERR_OVERLOADED);
    slow_job *job = calloc(1, sizeof(*job));
    HF_CHECK(job != NULL, HF_ERR_OVERLOADED);
    *job = (slow_job) { .kind = kind, .alg = alg, .state = SLOW_QUEUED };
    memcpy(job->subject, o->who.subject, sizeof(job->subject));
    job->has_answer = o->in.head.idempotency_key.len > 0;
    hf_err e = job->has_answer ? answers_id(o, job->answer_id) : HF_OK;
    if (e != HF_OK) {
        free(job);
        return e;
    }
    *ret = job;
    return HF_OK;
}

static hf_err start(op *o, slow_job *job)
{
    slow_worker *w = o->core->slow;
    request_queue one;
    slow_job **at = &w->jobs;

    request_queue_init(&one);
    HF_TRY(request_park(o->core, o->request, &one));
    job->request = request_take(&one);
    while (*at != NULL)
        at = &(*at)->next;
    *at = job;
    w->n_jobs++;
    o->waits = true;
    pthread_cond_signal(&w->wake);
    return HF_OK;
}

hf_err slow_generate(op *o, hf_alg alg)
{
    slow_job *job;

    HF_TRY(new_job(o, SLOW_GENERATE, alg, &job));
    hf_err e = start(o, job);
    if (e != HF_OK)
        slow_free(o->core, job);
    return e;
}

hf_err slow_import(op *o, hf_alg alg, cached_key *import, hf_view wrapped)
{
    slow_job *job;

    HF_TRY(new_job(o, SLOW_IMPORT, alg, &job));
    job->wrapped = calloc(1, wrapped.len + 1);
    if (job->wrapped != NULL) {
        hf_writer w = hf_writer_on(job->wrapped, wrapped.len);
        hf_put_view(&w, wrapped);
        job->wrapped_len = wrapped.len;
    }
    hf_err e = job->wrapped != NULL ? start(o, job) : HF_ERR_OVERLOADED;
    if (e == HF_OK)
        job->import = import;
    else
        slow_free(o->core, job);
    return e;
}

/* ---- what becomes of them ---- */

/* Nobody waits for it any more. What is running ends first. */
static void drop(core *c, slow_job *job, hf_err e)
{
    if (job->request != NULL) {
        request_fail(c, job->request, e, NULL, 0);
        request_free(c, job->request);
        job->request = NULL;
    }
    if (job->state == SLOW_RUNNING)
        return;
    take_out(c->slow, job);
    slow_free(c, job);
}

static void hand_over(core *c, slow_job *job)
{
    request *r = job->request;

    take_out(c->slow, job);
    job->request = NULL;
    job->state = SLOW_TAKEN;
    if (job->import != NULL)
        cache_release(c, job->import);
    job->import = NULL;
    r->slow = job;
    r->attempts = 0;
    dispatch_run(c, lane_here(), r);
}

/* Something that is to be done with a job; running it may change the list, so the look begins anew after each. */
static bool settle_one(core *c, hf_mono now)
{
    for (slow_job *job = c->slow->jobs; job != NULL; job = job->next) {
        const request *r = job->request;
        bool late = r == NULL || r->deadline.ns <= now.ns || peer_find(c, r->peer_slot, r->peer_generation) == NULL;
        if (late && job->state == SLOW_RUNNING && r == NULL)
            continue;
        if (!late && job->state != SLOW_DONE)
            continue;
        if (late)
            drop(c, job, HF_ERR_TIMEOUT);
        else
            hand_over(c, job);
        return true;
    }
    return false;
}

void slow_tick(core *c, hf_mono now)
{
    while (settle_one(c, now))
        ;
}

void slow_fail_all(core *c, hf_err e)
{
    for (slow_job *job = c->slow->jobs, *next; job != NULL; job = next) {
        next = job->next;
        drop(c, job, e);
    }
}

/* ---- the thread ---- */

static void *worker_main(void *arg)
{
    core *c = arg;
    slow_worker *w = c->slow;

    core_lock(c);
    w->up = true;
    pthread_cond_broadcast(&w->wake);
    for (;;) {
        slow_job *job = first_queued(w);
        if (job == NULL) {
            pthread_cond_wait(&w->wake, &c->lock);
            continue;
        }
        job->state = SLOW_RUNNING;
        w->running = job;
        core_unlock(c);
        run(job);
        hf_crypto_end_job(); /* nothing of it stays in registers or below the stack pointer */
        core_lock(c);
        job->state = SLOW_DONE;
        w->running = NULL;
        hf_loop_wake(c->lanes[0].loop); /* which hands it over */
    }
    return NULL;
}

/* On a stack in the arena, detached: see lanes.c. */
static hf_err start_thread(core *c)
{
    pthread_attr_t attr;
    pthread_t thread;
    void *stack;

    HF_TRY(hf_arena_stack(c->arena, STACK_BYTES, &stack));
    HF_CHECK(pthread_attr_init(&attr) == 0, HF_ERR_SYSTEM);
    bool ok = pthread_attr_setstack(&attr, stack, STACK_BYTES) == 0 &&
              pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
              pthread_create(&thread, &attr, worker_main, c) == 0;
    pthread_attr_destroy(&attr);
    return ok ? HF_OK : HF_ERR_SYSTEM;
}

hf_err slow_make(core *c)
{
    slow_worker *w = calloc(1, sizeof(*w));

    HF_CHECK(w != NULL, HF_ERR_SYSTEM);
    c->slow = w;
    HF_CHECK(pthread_cond_init(&w->wake, NULL) == 0, HF_ERR_SYSTEM);
    core_lock(c);
    hf_err e = start_thread(c);
    while (e == HF_OK && !w->up) /* what a thread does at its start, the filter would refuse */
        pthread_cond_wait(&w->wake, &c->lock);
    core_unlock(c);
    return e;
}
