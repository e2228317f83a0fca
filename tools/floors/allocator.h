/*
 * main() of the programs that measure an allocator. The program says who it is and how to get and give back memory:
 *
 *   static const char subject_name[];
 *   static void subject_start(void);                once
 *   static void *subject_alloc(size_t n);           an object; NULL when there is no more
 *   static void *subject_bytes(void *object);       its n bytes
 *   static void subject_free(void *object, size_t n);    wipes
 *
 * They are called directly, never by pointer.
 *
 * Modes and their settings:
 *   speed  bytes=32 threads=1 burst=1      allocate `burst` objects, touch each, free them; ns an object
 *   live   bytes=32 count=10000            up to that many live objects at once: bytes of each kind an object, maps that came with
                                         them, how many of them are locked
 *   first  bytes=32 count=4096             as many objects as never lived before; ns an object
 *   faults bytes=32 count=1000000          page faults of so many operations after a warm-up
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#include "floor.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#define BURST_MOST 1024
#define THREADS_MOST 16

typedef struct load {
    size_t bytes;
    size_t burst;
} load;

static void one_at_a_time(void *state, uint64_t n)
{
    size_t bytes = ((const load *)state)->bytes;
    for (uint64_t i = 0; i < n; i++) {
        void *p = subject_alloc(bytes);
        if (p == NULL)
            floor_fail("allocation");
        floor_touch(subject_bytes(p));
        subject_free(p, bytes);
    }
}

static void in_bursts(void *state, uint64_t n)
{
    const load *l = state;
    void *p[BURST_MOST];
    for (uint64_t i = 0; i < n; i += l->burst) {
        for (size_t k = 0; k < l->burst; k++) {
            if ((p[k] = subject_alloc(l->bytes)) == NULL)
                floor_fail("allocation");
            floor_touch(subject_bytes(p[k]));
        }
        for (size_t k = 0; k < l->burst; k++)
            subject_free(p[k], l->bytes);
    }
}

static floor_timing measure_load(load *l)
{
    return floor_measure(l->burst == 1 ? one_at_a_time : in_bursts, l);
}

/* ---- several threads, each on a CPU of its own ---- */

static pthread_barrier_t all_ready;
static atomic_uint measuring; /* threads that are not done; the others keep up the load until none is left */

typedef struct thread {
    pthread_t id;
    unsigned cpu;
    load load;
    floor_timing result;
} thread;

static void *thread_main(void *argument)
{
    thread *t = argument;
    floor_pin(t->cpu);
    pthread_barrier_wait(&all_ready);
    t->result = measure_load(&t->load);
    atomic_fetch_sub(&measuring, 1);
    while (atomic_load(&measuring) > 0)
        one_at_a_time(&t->load, 1000);
    return NULL;
}

/* The slowest thread's figures. */
static floor_timing measure_threads(load l, unsigned n)
{
    thread t[THREADS_MOST];
    if (n > THREADS_MOST || pthread_barrier_init(&all_ready, NULL, n) != 0)
        floor_fail("threads");
    atomic_store(&measuring, n);
    for (unsigned i = 0; i < n; i++) {
        t[i] = (thread) { .cpu = i, .load = l };
        if (pthread_create(&t[i].id, NULL, thread_main, &t[i]) != 0)
            floor_fail("pthread_create");
    }
    floor_timing slowest = { 0, 0 };
    for (unsigned i = 0; i < n; i++) {
        pthread_join(t[i].id, NULL);
        if (t[i].result.median_ns > slowest.median_ns)
            slowest = t[i].result;
    }
    return slowest;
}

/* ---- modes ---- */

static void mode_speed(void)
{
    load l = { floor_setting("bytes", 32), floor_setting("burst", 1) };
    unsigned threads = (unsigned)floor_setting("threads", 1);
    if (l.burst < 1 || l.burst > BURST_MOST)
        floor_fail("burst");
    floor_print_timing(subject_name, "alloc+free", threads == 1 ? measure_load(&l) : measure_threads(l, threads));
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)*(void *const *)a, y = (uintptr_t)*(void *const *)b;
    return (x > y) - (x < y);
}

static double each(uint64_t before, uint64_t after, size_t n)
{
    return ((double)after - (double)before) / (double)n;
}

/*
 * Bytes are counted from before the allocator was set up, so that what it takes in advance is spread over the objects; maps
 * from the first object on, so that they show whether more objects need more of them.
 */
static void mode_live(floor_memory start)
{
    size_t bytes = floor_setting("bytes", 32), count = floor_setting("count", 10000);
    void **object = calloc(count, sizeof *object);
    if (object == NULL)
        floor_fail("calloc");
    memset(object, 0xff, count * sizeof *object); /* resident before the first figure is taken */
    size_t n = 0;
    uint64_t first_maps = 0;
    for (void *p; n < count && (p = subject_alloc(bytes)) != NULL; n++) {
        object[n] = subject_bytes(p);
        floor_touch(object[n]);
        if (n == 0)
            first_maps = floor_memory_now().maps;
    }
    if (n == 0)
        floor_fail("first allocation");
    floor_memory now = floor_memory_now();
    qsort(object, n, sizeof *object, by_address);
    printf("{\"program\": \"%s\", \"what\": \"live\", \"count\": %zu, \"locked_objects\": %" PRIu64
           ", \"resident\": %.1f, "
           "\"locked\": %.1f, \"virtual\": %.1f, \"maps\": %" PRId64 "}\n",
           subject_name, n, floor_count_locked(object, n),
           each(start.resident + count * sizeof *object, now.resident, n), each(start.locked, now.locked, n),
           each(start.virtual + count * sizeof *object, now.virtual, n), (int64_t)(now.maps - first_maps));
}

/* One sample: what once was an object is not new again. */
static void mode_first(void)
{
    size_t bytes = floor_setting("bytes", 32), count = floor_setting("count", 4096);
    double start = floor_cpu_ns();
    for (size_t i = 0; i < count; i++) {
        void *p = subject_alloc(bytes);
        if (p == NULL)
            floor_fail("allocation");
        floor_touch(subject_bytes(p));
    }
    double ns = (floor_cpu_ns() - start) / (double)count;
    floor_print_timing(subject_name, "first", (floor_timing) { ns, ns });
}

static void mode_faults(void)
{
    load l = { floor_setting("bytes", 32), 64 };
    uint64_t count = floor_setting("count", 1000000);
    in_bursts(&l, 10000);
    one_at_a_time(&l, 10000);
    uint64_t before = floor_page_faults();
    in_bursts(&l, count / 2);
    one_at_a_time(&l, count - count / 2);
    uint64_t faults = floor_page_faults() - before;
    printf("{\"program\": \"%s\", \"what\": \"faults\", \"count\": %" PRIu64 ", \"faults\": %" PRIu64 "}\n",
           subject_name, count, faults);
}

int main(int argc, char **argv)
{
    const char *mode = floor_start(argc, argv);
    floor_memory start = floor_memory_now();
    subject_start();
    if (strcmp(mode, "speed") == 0)
        mode_speed();
    else if (strcmp(mode, "live") == 0)
        mode_live(start);
    else if (strcmp(mode, "first") == 0)
        mode_first();
    else if (strcmp(mode, "faults") == 0)
        mode_faults();
    else
        return 2;
    return 0;
}

#endif
