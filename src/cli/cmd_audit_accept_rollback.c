/*
 * audit accept-rollback: says, on the machine itself, that the next start may take on data older than its anchor. The mark lies in the
 * anchor folder, which only the operator of the service can write; core audits the acceptance and the supervisor removes the mark.
 */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MARK "accept-rollback"

static hf_err make_mark(cli *c, const char *folder)
{
    HF_AUTO(hf_fd_closep) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return cli_fail(c, errno == ENOENT ? HF_ERR_NOT_FOUND : HF_ERR_DENIED,
                        "the anchor folder %s cannot be opened: %s", folder, strerrordesc_np(errno));
    if (faccessat(dir, "anchor", F_OK, 0) != 0)
        return cli_fail(c, HF_ERR_NOT_FOUND, "%s holds no anchor: is it the folder given to holdfastd --anchor?",
                        folder);
    HF_AUTO(hf_fd_closep) int mark = openat(dir, MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (mark < 0 || fsync(mark) != 0 || fsync(dir) != 0)
        return cli_fail(c, HF_ERR_DENIED, "%s cannot be written in %s: %s", MARK, folder, strerrordesc_np(errno));
    return HF_OK;
}

hf_err cmd_audit_accept_rollback(cli *c, const args *a)
{
    HF_AUTO(api_new_freep) yyjson_mut_doc *doc = NULL;
    const char *folder = args_value(a, "anchor");

    if (folder == NULL)
        folder = "/var/lib/holdfast-anchor";
    HF_TRY(make_mark(c, folder));
    if (!c->json) {
        cli_note("the next start of holdfastd accepts data older than its anchor, once, and audits it");
        return HF_OK;
    }
    HF_TRY(api_new(c, &doc));
    api_add_text(doc, "anchor", folder);
    out_new_document(doc);
    return HF_OK;
}
