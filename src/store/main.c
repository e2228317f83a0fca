/*
 * store: keeps sealed records and audit segments. Started by holdfastd with
 *   descriptor 3  the supervisor's channel
 *   descriptor 4  the store folder, all that this process can open
 *   store [--uid N --gid N]   the user to become when started as root
 */
#include "base/log.h"
#include "ipc/channel.h"
#include "proto/gen/messages.h"
#include "store/engine.h"
#include "store/sandbox_rules.h"
#include "store/server.h"
#include "sys/sandbox.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUPERVISOR_FD 3
#define FOLDER_FD 4
#define QUEUE_BYTES (64u << 10)
#define CONFIG_WAIT_MS 10000
#define MAX_FILES 32

static bool parse_id(const char *text, uint32_t *ret)
{
    char *end;

    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || text[0] < '0' || text[0] > '9' || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

static void parse_arguments(int argc, char **argv, hf_sandbox *box)
{
    box->uid = (uid_t)-1;
    box->gid = (gid_t)-1;
    if (argc == 1)
        return;
    if (argc != 5 || strcmp(argv[1], "--uid") != 0 || strcmp(argv[3], "--gid") != 0 || !parse_id(argv[2], &box->uid) ||
        !parse_id(argv[4], &box->gid))
        hf_fatal("usage: store [--uid N --gid N]; it is started by holdfastd");
}

static size_t supervisor_max_body(uint16_t type)
{
    return hf_message_allowed(type, HF_PEER_SUPERVISOR) ? hf_message_max_body(type) : 0;
}

static struct hf_config_store wait_for_config(hf_channel *supervisor)
{
    struct hf_config_store config;
    hf_message m;
    hf_err e = hf_channel_wait(supervisor, CONFIG_WAIT_MS, &m);

    if (e != HF_OK || m.type != HF_MSG_CONFIG_STORE || m.n_fds != 0 || hf_config_store_decode(m.body, &config) != HF_OK)
        hf_fatal("the configuration did not come from the supervisor: %s",
                 hf_err_text(e == HF_OK ? HF_ERR_MALFORMED : e));
    return config;
}

static void enter_folder(const hf_sandbox *box)
{
    struct stat st;
    bool there = fstat(FOLDER_FD, &st) == 0;

    if (there && !S_ISDIR(st.st_mode))
        hf_fatal("descriptor 4 is not a folder");
    if (!there || fchdir(FOLDER_FD) != 0)
        hf_fatal("descriptor 4 is not a folder that can be entered: %s", strerrordesc_np(errno));
    bool give = geteuid() == 0 && box->uid != (uid_t)-1 && (st.st_uid != box->uid || st.st_gid != box->gid);
    if (give && fchown(FOLDER_FD, box->uid, box->gid) != 0)
        hf_fatal("the store folder cannot be given to the store's user: %s", strerrordesc_np(errno));
}

static hf_engine *open_engine(const struct hf_config_store *config, const hf_sandbox *box)
{
    hf_engine_spec spec = { .kind = config->engine == 0 ? HF_ENGINE_SQLITE : (hf_engine_kind)config->engine,
                            .path = "store.db",
                            .owner = box->uid,
                            .group = box->gid };
    const char *why = "";
    hf_engine *engine = NULL;
    hf_err e = hf_engine_open(&spec, &engine, &why);

    if (e != HF_OK)
        hf_fatal("the store cannot be opened: %s", why[0] == '\0' ? hf_err_text(e) : why);
    return engine;
}

/*
 * SIGTERM, also the one for the parent's death, is read in the loop: the store outlives its parent by the moment of
 * saving the audit ring.
 */
static void block_term(void)
{
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &term, NULL) != 0)
        hf_fatal("SIGTERM cannot be blocked: %s", strerrordesc_np(errno));
}

int main(int argc, char **argv)
{
    static const int folder = FOLDER_FD;
    hf_sandbox box = { .process = "store",
                       .landlock_dirs = &folder,
                       .n_landlock_dirs = 1,
                       .max_files = MAX_FILES,
                       .parent_death_signal = SIGTERM,
                       .allowed = hf_store_syscalls,
                       .n_allowed = hf_store_syscall_count };
    hf_protections report = { 0 };
    hf_channel *supervisor = NULL;
    hf_server *server = NULL;

    hf_log_init("store");
    parse_arguments(argc, argv, &box);
    if (hf_sandbox_begin(FOLDER_FD + 1, getppid(), &report) != HF_OK)
        hf_fatal("the process could not be closed off at its start");
    block_term();
    if (hf_channel_new(SUPERVISOR_FD, QUEUE_BYTES, supervisor_max_body, &supervisor) != HF_OK)
        hf_fatal("descriptor 3 is not a channel");
    struct hf_config_store config = wait_for_config(supervisor);
    enter_folder(&box);
    hf_engine *engine = open_engine(&config, &box);
    if (hf_server_new(engine, supervisor, &server) != HF_OK)
        hf_fatal("the event loop cannot be set up");
    if (hf_sandbox_enter(&box, config.strict, &report) != HF_OK)
        hf_fatal("strict mode demands a protection that this system does not give");
    if (hf_server_ready(server, &report) != HF_OK)
        hf_fatal("the supervisor does not take the ready message");
    /*
     * Without exit handlers: there is nothing for them to do, and a run-time library's may call what the filter
     * refuses.
     */
    _exit(hf_server_run(server));
}
