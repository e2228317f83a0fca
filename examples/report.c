/*
 * First lines of a program that holds secrets: harden the process, say what protects them on this machine, and with --strict refuse
 * to go on when a protection is missing.
 *
 *   cc report.c $(pkg-config --cflags --libs holdfast-mem) -o report
 */
#include <holdfast/harden.h>
#include <stdio.h>
#include <string.h>

static void print_row(const hf_capability *row)
{
    printf("  %-16s %-8s", row->name, hf_capability_state_name(row->state));
    if (row->state != HF_CAPABILITY_ACTIVE)
        printf(" %s%s%s", row->why, row->remedy[0] != '\0' ? "; " : "", row->remedy);
    putchar('\n');
}

/* Room for 10,000 secrets of 32 bytes and 100 guarded buffers, raising the soft limit where that helps. */
static void print_budget(void)
{
    const hf_lock_need need = {
        .secrets = 10000, .secret_bytes = 32, .buffers = 100, .buffer_bytes = 32, .raise = true
    };
    hf_harden_why why;
    hf_err e = hf_lock_plan_make(&need, NULL, &why);

    printf("locked memory for 10,000 secrets and 100 buffers: %s\n", e == HF_OK ? "there is room" : why.text);
}

int main(int argc, char **argv)
{
    bool strict = argc > 1 && strcmp(argv[1], "--strict") == 0;
    hf_harden_report steps;
    hf_capability row[HF_CAPABILITIES_MAX];
    hf_harden_why why;

    hf_err e = hf_harden_process(NULL, &steps);
    puts("this process:");
    for (size_t i = 0; i < steps.n; i++)
        print_row(&steps.step[i]);

    size_t n = hf_capabilities(row, HF_CAPABILITIES_MAX);
    puts("this machine:");
    for (size_t i = 0; i < n; i++)
        print_row(&row[i]);
    print_budget();

    if (e == HF_OK && strict)
        e = hf_capabilities_require(NULL, 0, &why);
    if (e != HF_OK) {
        fprintf(stderr, "report: %s: %s\n", hf_err_text(e), why.text);
        return 1;
    }
    return 0;
}
