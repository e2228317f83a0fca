/*
 * A configuration that a program reads only when nobody changed it behind its back. The tags are kept in a store elsewhere, so that
 * deleting the sidecar or bringing back an older file does not help either.
 *
 *   cc settings_file.c $(pkg-config --cflags --libs holdfast) -o settings_file
 *   ./settings_file FOLDER      a folder that may be written; the store is made in it, here for demonstration
 */
#include <holdfast/file.h>
#include <stdio.h>
#include <string.h>

static hf_file_report report;

/* What a program does at its start. */
static int load(const hf_file_guard *guard, const char *path)
{
    hf_file_content *content;
    hf_err e = hf_file_read(guard, path, 0, &content, &report);

    printf("%s\n", hf_file_outcome_name(report.outcome));
    if (e != HF_OK)
        return 0;
    printf("  %.*s", (int)hf_file_content_size(content), (const char *)hf_file_content_bytes(content));
    hf_file_content_free(content);
    return 1;
}

/* What an attacker does. */
static void overwrite(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
        perror(path);
}

int main(int argc, char **argv)
{
    char path[1024], sidecar[1032], store[1024];
    const char *folder = argc > 1 ? argv[1] : ".";
    static const char first[] = "admin = alice\n", second[] = "admin = bob\n";

    if (strlen(folder) > 1000)
        return 2;
    snprintf(path, sizeof(path), "%s/settings.conf", folder);
    snprintf(sidecar, sizeof(sidecar), "%s.hmac", path);
    snprintf(store, sizeof(store), "%s/store", folder);
    const hf_file_guard guard = { .mode = HF_FILE_ANCHORED, .store_dir = store };

    hf_err e = hf_file_write(&guard, path, first, strlen(first), 0, &report);
    if (e != HF_OK) {
        fprintf(stderr, "settings_file: %s: %s\n", hf_err_text(e), report.why);
        return 1;
    }
    if (!load(&guard, path))
        return 1;
    overwrite(path, "admin = mallory\n");
    load(&guard, path);
    remove(sidecar);
    load(&guard, path);
    if (hf_file_write(&guard, path, second, strlen(second), HF_FILE_FORCE, &report) != HF_OK)
        return 1;
    return load(&guard, path) ? 0 : 1;
}
