/* What locked memory costs, before it is asked for: src/harden/budget.c. Pages have 4 KiB. */
#include "harden/budget.c"
#include "mem/guarded.h"
#include "proof.h"

#define PAGE ((size_t)4096)

long sysconf(int name)
{
    (void)name;
    return (long)PAGE;
}

static void prove_sum(size_t cost)
{
    size_t before = nondet_size(), sum = before, count = nondet_size(), all = 0;
    if (!add_cost(&sum, count, cost)) {
        if (hf_mul_size(count, cost, &all) == HF_OK && all <= SIZE_MAX - (PAGE - 1))
            PROVE(before > SIZE_MAX - (all + (PAGE - 1)) / PAGE * PAGE);
        return;
    }
    PROVE(hf_mul_size(count, cost, &all) == HF_OK);
    PROVE(sum >= before && sum - before >= all && sum - before - all < PAGE && (sum - before) % PAGE == 0);
}

/*
 * Any sum and any number of things, up to SIZE_MAX, of the least and the largest cost and two between: either the sum grows by
 * whole pages that hold them all, or it is said that this cannot be counted, and then it cannot. Unwind 2.
 */
void proof_budget_sum(void)
{
    prove_sum(1);
    prove_sum(8192);
    prove_sum(5 * PAGE);
    prove_sum(BLOCK_MAX + PAGE);
    REACHED();
}

/*
 * A guarded buffer of any size is not planned smaller than it is: its place of 1, 2, 4, 8 or 16 pages and a guard, or whole pages
 * for large ones; nor more than a page larger. Unwind 6.
 */
void proof_budget_buffers(void)
{
    size_t n = nondet_size();
    GIVEN(size_possible(n));
    size_t cost = buffer_cost(n), real = 0;
    for (unsigned k = 0; k < HF_PLACE_CLASSES && real == 0; k++)
        if (n + HF_CANARY <= PAGE << k)
            real = (((size_t)1 << k) + 1) * PAGE;
    if (real == 0)
        real = (n + HF_CANARY + PAGE - 1) / PAGE * PAGE;
    PROVE(cost >= real && cost - real <= PAGE && cost % PAGE == 0);
    REACHED();
}
