/*
 * gateway: the only process on the network. Started by holdfastd with
 *   descriptor 3  the supervisor's channel
 *   gateway [--uid N --gid N]   the user to become when started as root
 */
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/sandbox_rules.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SUPERVISOR_FD 3
#define QUEUE_BYTES (64u << 10)
#define CONFIG_WAIT_MS 10000
#define OTHER_FILES 64 /* besides connections: channels, loops, sockets */
#define FILES_PER_LANE 8

static bool parse_id(const char *text, uint32_t *ret)
{
    char *end;

    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

static void parse_arguments(int argc, char **argv, hf_sandbox *box)
{
    if (argc == 1)
        return;
    if (argc != 5 || strcmp(argv[1], "--uid") != 0 || strcmp(argv[3], "--gid") != 0 || !parse_id(argv[2], &box->uid) ||
        !parse_id(argv[4], &box->gid))
        hf_fatal("usage: gateway [--uid N --gid N]; it is started by holdfastd");
}

/* A client that is gone is an error of its connection. */
static void ignore_broken_pipes(void)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };

    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        hf_fatal("SIGPIPE cannot be ignored");
}

/* CONFIG_GATEWAY: sockets, certificate chain, the authorities of clients. The private key is not among them. */
static void take_configuration(gateway *g)
{
    hf_message m;
    front_fds fds;
    const char *what = "";

    if (hf_channel_new(SUPERVISOR_FD, QUEUE_BYTES, hf_message_max_body, &g->supervisor) != HF_OK)
        hf_fatal("descriptor %d is not the supervisor's channel; this program is started by holdfastd", SUPERVISOR_FD);
    if (hf_channel_wait(g->supervisor, CONFIG_WAIT_MS, &m) != HF_OK)
        hf_fatal("the supervisor sent no configuration");
    if (m.type != HF_MSG_CONFIG_GATEWAY || hf_config_gateway_decode(m.body, &g->config) != HF_OK ||
        front_fds_of(&g->config, &m, &fds) != HF_OK)
        hf_fatal("the supervisor's first message is not a configuration");
    hf_err e = front_new(&g->config, &fds, &g->front, &what);
    if (e != HF_OK)
        hf_fatal("%s is not usable: %s", what, hf_err_text(e));
    g->front->listen_fd = front_fds_take(&m, fds.listen);
    g->local_fd = front_fds_take(&m, fds.local);
    g->metrics_fd = front_fds_take(&m, fds.metrics);
    hf_channel_release(&m);
    g->config.trusted_proxies = (hf_view) { 0 }; /* was the message's */
}

/* Each connection is a descriptor; what the service manager does not allow cannot be had. */
static void check_descriptors(rlim_t wanted, uint32_t connections)
{
    struct rlimit most;

    if (getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_max != RLIM_INFINITY && most.rlim_max < wanted)
        hf_fatal(
            "gateway.max_connections = %u takes %llu open descriptors, but at most %llu are allowed; raise the limit "
            "(LimitNOFILE= of the unit, or ulimit -Hn) or lower the option",
            (unsigned)connections, (unsigned long long)wanted, (unsigned long long)most.rlim_max);
}

static void make_lanes(gateway *g)
{
    const struct hf_config_gateway *c = &g->config;
    int on = 1;

    /* Inherited by each connection: a system call less for each. */
    if (setsockopt(g->front->listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        hf_fatal("the listening socket is none: %s", strerror(errno));
    if (c->threads < 1 || c->threads > GATEWAY_LANES_MAX || c->max_connections < 1)
        hf_fatal("the configuration is out of bounds");
    if (hf_loop_new(&g->loop) != HF_OK || limit_new(c->address_rate, c->address_burst, &g->requests) != HF_OK ||
        limit_new(c->address_rate, c->address_burst, &g->connections) != HF_OK || failures_new(&g->failures) != HF_OK)
        hf_fatal("there is no memory to start with");
    g->n_lanes = c->threads;
    for (uint32_t i = 0; i < g->n_lanes; i++)
        if (lane_new(g, i, &g->lanes[i]) != HF_OK)
            hf_fatal("a lane cannot be made");
}

/*
 * Threads inherit the namespace, ids and Landlock of their maker, and must have started before the filter forbids what
 * starting takes. None serves before the filter is there.
 */
static void give_up_everything(gateway *g, hf_sandbox *box)
{
    box->max_files = g->config.max_connections + OTHER_FILES + FILES_PER_LANE * g->n_lanes;
    check_descriptors(box->max_files, g->config.max_connections);
    if (hf_sandbox_drop(box, g->config.strict, &g->protections) != HF_OK)
        hf_fatal("the sandbox cannot be had");
    if (pthread_barrier_init(&g->gate, NULL, g->n_lanes + 1) != 0)
        hf_fatal("threads cannot be started");
    for (uint32_t i = 0; i < g->n_lanes; i++)
        if (pthread_create(&g->lanes[i]->thread, NULL, lane_run, g->lanes[i]) != 0)
            hf_fatal("a thread cannot be started");
    atomic_store(&g->lanes_running, g->n_lanes);
    pthread_barrier_wait(&g->gate);
    if (hf_sandbox_filter(box, g->config.strict, &g->protections) != HF_OK)
        hf_fatal("the system call filter cannot be had");
    pthread_barrier_wait(&g->gate);
}

static void before_wait(void *arg)
{
    gateway *g = arg;

    supervisor_turn(g);
    if (atomic_load(&g->lanes_running) == 0)
        hf_loop_stop(g->loop);
}

int main(int argc, char **argv)
{
    static gateway g;
    hf_sandbox box = {
        .process = "gateway",
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .keep_network = true,
        .allow_threads = false,
        .allowed = gateway_rules,
        .n_allowed = gateway_rule_count,
    };

    hf_log_init("gateway");
    if (hf_sandbox_begin(SUPERVISOR_FD + 1, getppid(), &g.protections) != HF_OK)
        hf_fatal("the process cannot be protected");
    parse_arguments(argc, argv, &box);
    ignore_broken_pipes();
    take_configuration(&g);
    make_lanes(&g);
    give_up_everything(&g, &box);
    hf_loop_before_wait(g.loop, before_wait, &g);
    if (supervisor_attach(&g) != HF_OK)
        hf_fatal("the supervisor's channel cannot be watched");
    supervisor_try(&g, front_share(g.front)); /* READY follows when core has the key */
    if (hf_loop_run(g.loop) != HF_OK)
        hf_fatal("the event loop failed");
    for (uint32_t i = 0; i < g.n_lanes; i++)
        pthread_join(g.lanes[i]->thread, NULL);
    _exit(0);
}
