/*
 * TLS clients for tests and benchmarks: each connection shakes hands and sends one GET /healthz.
 *
 *   tls_clients new PORT GROUPS COUNT     one after the other; then prints "done COUNT OK_ANSWERS"
 *   tls_clients keep PORT GROUPS COUNT    keeps them open; prints "open COUNT OK_ANSWERS", ends with its standard input
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

/* True for an answer that begins with a status below 600; 503 is one. */
static int ask(SSL *ssl, const char *request)
{
    char answer[4096];

    if (SSL_write(ssl, request, (int)strlen(request)) <= 0)
        return 0;
    int n = SSL_read(ssl, answer, sizeof(answer) - 1);
    return n > 12 && strncmp(answer, "HTTP/1.1 ", 9) == 0;
}

static SSL *shake(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

static void raise_limit(void)
{
    struct rlimit most;

    if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
        most.rlim_cur = most.rlim_max;
        setrlimit(RLIMIT_NOFILE, &most);
    }
}

static int run(SSL_CTX *ctx, int port, long count, int keep)
{
    const char *request = keep ? "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
                               : "GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    long good = 0;

    for (long i = 0; i < count; i++) {
        int fd = dial(port);
        SSL *ssl = shake(ctx, fd);
        good += ssl != NULL && ask(ssl, request);
        if (keep)
            continue;
        SSL_free(ssl);
        close(fd);
    }
    printf("%s %ld %ld\n", keep ? "open" : "done", count, good);
    fflush(stdout);
    if (keep)
        while (getchar() != EOF)
            ;
    return good == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (argc != 5 || ctx == NULL || SSL_CTX_set1_groups_list(ctx, argv[3]) != 1) {
        fprintf(stderr, "usage: tls_clients new|keep PORT GROUPS COUNT\n");
        return 2;
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    raise_limit();
    return run(ctx, atoi(argv[2]), atol(argv[4]), strcmp(argv[1], "keep") == 0);
}
