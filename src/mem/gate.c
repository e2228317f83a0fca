/* Gates: who opens or closes a buffer, or wipes them all, does not meet another one who does. */
#include "mem/guarded.h"
#include "mem/registry.h"
#include <sched.h>

static _Thread_local bool mine; /* this thread has a gate, where a signal came in between */

void hf_gate_take(hf_gate *gate, uint64_t generation)
{
    for (;;) {
        while (atomic_exchange_explicit(&gate->taken, true, memory_order_seq_cst))
            (void)sched_yield();
        mine = true;
        if (__builtin_expect(!hf_registry_wiping(generation), 1))
            return;
        hf_gate_give(gate);
        (void)sched_yield();
    }
}

void hf_gate_give(hf_gate *gate)
{
    mine = false;
    atomic_store_explicit(&gate->taken, false, memory_order_release);
}

bool hf_gate_any_taken(const hf_gate *gates)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < HF_GATES; i++)
        n += atomic_load(&gates[i].taken);
    return n > (uint32_t)mine;
}
