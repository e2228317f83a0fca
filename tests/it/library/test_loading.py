"""Ways in which programs come to the library: linked, static, loaded late, twice, from threads, across fork and exec."""
import os
import re
import subprocess

import pytest

from library import MEMORY, STAGE, WHOLE, compiled, flags, pkg_config, run, shared

LOADED_LATE = r"""
#include <dlfcn.h>
#include <holdfast/mem.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static hf_err (*of_process)(hf_pool **);
static hf_err (*alloc)(hf_pool *, size_t, void **);
static void (*give)(hf_pool *, void *);

/* Ends after the library was closed: what it left in the thread runs then. */
static void *work(void *library)
{
    hf_pool *pool;
    void *block[100];

    if (of_process(&pool) != HF_OK)
        return NULL;
    for (unsigned i = 0; i < 100; i++) {
        if (alloc(pool, 1 + i * 37, &block[i]) != HF_OK)
            return NULL;
        memset(block[i], (int)i, 1 + i * 37);
    }
    for (unsigned i = 0; i < 100; i++)
        give(pool, block[i]);
    return dlclose(library) == 0 ? library : NULL;
}

int main(int argc, char **argv)
{
    for (unsigned round = 0; round < 3; round++) {
        void *library = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL), *done = NULL;
        if (library == NULL) {
            puts(dlerror());
            return 1;
        }
        of_process = (hf_err (*)(hf_pool **))dlsym(library, "hf_pool_of_process");
        alloc = (hf_err (*)(hf_pool *, size_t, void **))dlsym(library, "hf_pool_alloc");
        give = (void (*)(hf_pool *, void *))dlsym(library, "hf_pool_free");
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, library) != 0 || pthread_join(thread, &done) != 0 || done == NULL)
            return 2;
    }
    puts("three times");
    return 0;
}
"""


@pytest.mark.parametrize("library", [MEMORY, WHOLE])
def test_loaded_late_and_closed_under_a_thread(library, tmp_path):
    program = compiled(tmp_path, LOADED_LATE, compiler="gcc", options=["-pthread", f"-I{STAGE}/include"], link=["-ldl"])
    assert run(program, shared(library)) == "three times\n"


def test_loaded_late_where_others_have_taken_thread_storage(tmp_path):
    """The reserve from which a late library's thread storage comes is small; a neighbour that uses most of it must not stop us."""
    neighbour = tmp_path / "libneighbour.so"
    source = tmp_path / "neighbour.c"
    source.write_text('static _Thread_local char taken[1024] __attribute__((tls_model("initial-exec")));\nchar *taken_here(void) { return taken; }\n')
    run("gcc", "-shared", "-fPIC", source, "-o", neighbour)
    text = LOADED_LATE.replace("int main(int argc, char **argv)\n{", 'int main(int argc, char **argv)\n{\n    if (dlopen(argv[1], RTLD_NOW) == NULL)\n        return 3;')
    program = compiled(tmp_path, text, options=["-pthread", f"-I{STAGE}/include"], link=["-ldl"])
    assert run(program, neighbour, shared(MEMORY)) == "three times\n"


def test_one_pool_of_the_process_for_all_libraries(tmp_path):
    """Two libraries, each linked with ours by its author, and the program: one state."""
    for name, modules in (("first", MEMORY), ("second", WHOLE)):
        source = tmp_path / f"{name}.c"
        source.write_text(f"#include <holdfast/mem.h>\nhf_pool *pool_of_{name}(void);\nhf_pool *pool_of_{name}(void)\n{{\n    hf_pool *p = 0;\n    return hf_pool_of_process(&p) == HF_OK ? p : 0;\n}}\n")
        run("cc", "-shared", "-fPIC", source, *flags(modules), "-o", tmp_path / f"lib{name}.so")
    program = compiled(tmp_path, """
        #include <holdfast/mem.h>
        #include <stdio.h>
        hf_pool *pool_of_first(void), *pool_of_second(void);
        int main(void)
        {
            hf_pool *p;
            if (hf_pool_of_process(&p) != HF_OK) return 1;
            puts(p == pool_of_first() && p == pool_of_second() ? "one" : "several");
            return 0;
        }
        """, link=[*flags(MEMORY), f"-L{tmp_path}", f"-Wl,-rpath,{tmp_path}", "-lfirst", "-lsecond"])
    assert run(program) == "one\n"


USES_BOTH = """
#include <holdfast/mem.h>
#include <holdfast/sealed.h>
#include <stdio.h>
int main(void)
{
    hf_pool *p;
    void *block;
    if (hf_pool_of_process(&p) != HF_OK || hf_pool_alloc(p, 32, &block) != HF_OK) return 1;
    hf_pool_free(p, block);
    puts("fine");
    return 0;
}
"""


@pytest.mark.parametrize("library", [MEMORY, WHOLE])
def test_linked_statically(library, tmp_path):
    """Our part from the archives, the rest shared; and a program without any shared library."""
    text = USES_BOTH if library == WHOLE else USES_BOTH.replace("#include <holdfast/sealed.h>\n", "")
    words = flags(library, static=True)
    ours = ["-Wl,-Bstatic", *[w for w in words if w.startswith(("-I", "-L"))], *[w for w in words if w.startswith("-lholdfast")], "-Wl,-Bdynamic",
            *[w for w in words if w.startswith("-l") and not w.startswith("-lholdfast")], "-pthread"]
    mixed = compiled(tmp_path, text, link=ours)
    assert run(mixed) == "fine\n" and "libholdfast" not in run("readelf", "-d", mixed)
    whole = compiled(tmp_path, text, options=["-static"], link=words)
    assert run(whole) == "fine\n" and "NEEDED" not in run("readelf", "-d", whole)


def test_a_static_program_holds_only_what_it_uses(tmp_path):
    """One that wipes and compares has no pools in it."""
    program = compiled(tmp_path, """
        #include <holdfast/mem.h>
        int main(void) { char a[4] = "abc", b[4] = "abc"; int same = hf_mem_equal(a, b, 4); hf_mem_wipe(a, 4); return !same; }
        """, options=["-static", "-Wl,--gc-sections"], link=flags(MEMORY, static=True))
    run(program)
    assert "hf_pool_new" not in run("nm", program)


ACROSS_FORK_AND_EXEC = r"""
#include <holdfast/mem.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int use(const char *who)
{
    hf_pool *p;
    void *block;
    hf_err e = hf_pool_of_process(&p);
    if (e == HF_OK)
        e = hf_pool_alloc(p, 32, &block);
    if (e == HF_OK) {
        memcpy(block, "secret", 7);
        hf_pool_free(p, block);
    }
    printf("%s: %s\n", who, hf_err_name(e));
    fflush(stdout);
    return e != HF_OK;
}

int main(int argc, char **argv)
{
    hf_pool *own;
    void *block = NULL;
    const hf_pool_spec spec = { .weakest = HF_BACKING_MLOCK };
    const char *why;
    int status = 1;

    if (argc > 1)
        return use("after exec");
    if (use("parent") != 0 || hf_pool_new(&spec, &own, &why) != HF_OK || hf_pool_alloc(own, 32, &block) != HF_OK)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        printf("child, pool of its parent: %s\n", hf_err_name(hf_pool_alloc(own, 32, &block)));
        fflush(stdout);
        if (use("child, its own") != 0)
            _exit(1);
        execl(argv[0], argv[0], "again", (char *)NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    if (use("parent afterwards") != 0)
        return 1;
    hf_pool_free(own, block);
    return status != 0 || hf_pool_destroy(own) != HF_OK;
}
"""


def test_fork_and_exec(tmp_path):
    program = compiled(tmp_path, ACROSS_FORK_AND_EXEC, MEMORY)
    assert run(program).splitlines() == [
        "parent: ok", "child, pool of its parent: forked", "child, its own: ok", "after exec: ok", "parent afterwards: ok"]


def test_a_preloaded_function_of_that_name_is_not_called_from_inside(tmp_path):
    """What somebody else calls hf_pool_alloc gets the program's own calls, but no secret of ours comes to lie there."""
    source = tmp_path / "other.c"
    source.write_text("".join(f"void {name}(void); void {name}(void) {{ __builtin_trap(); }}\n" for name in ("hf_pool_of_process", "hf_pool_alloc", "hf_pool_free", "hf_secret_free", "hf_mem_wipe")))
    run("gcc", "-shared", "-fPIC", source, "-o", tmp_path / "other.so")
    program = compiled(tmp_path, """
        #include <holdfast/secret.h>
        #include <stdio.h>
        int main(void)
        {
            hf_secret *s = NULL;
            if (hf_secret_random(32, &s) != HF_OK) return 1;
            hf_secret_freep(&s);
            puts("fine");
            return 0;
        }
        """, MEMORY)
    assert run(program, env={**os.environ, "LD_PRELOAD": str(tmp_path / "other.so")}) == "fine\n"


FORK_HANDLERS = {"set_handlers"}


@pytest.mark.parametrize("library", [MEMORY, WHOLE])
def test_no_code_runs_before_main(library):
    """Linking with the library changes nothing in a program until it calls it: no signal handlers, no locked page.

    Registering with pthread_atfork is all it does: first, so that its locks are taken after those of the program when that forks.
    """
    path = shared(library)
    start, size = (int(n, 16) for n in re.search(r"\.init_array +INIT_ARRAY +(\w+) \w+ (\w+)", run("readelf", "-SW", path)).groups())
    names = {int(line.split()[0], 16): line.split()[-1] for line in run("nm", "--defined-only", path).splitlines()}
    first = {names[int(value, 16)] for place, value in re.findall(r"^(\w+) +\w+ R_\w+_RELATIVE +(\w+)$", run("readelf", "-rW", path), re.MULTILINE)
             if start <= int(place, 16) < start + size}
    compilers = {"frame_dummy", "__cpu_indicator_init"}  # start files, and what the processor can do
    assert first and first - compilers <= FORK_HANDLERS, first


def test_a_program_of_an_older_release_starts(tmp_path):
    """Versions are checked by the dynamic linker: what a program was linked with is still there, and a newer one is asked for by name."""
    program = compiled(tmp_path, '#include <holdfast/err.h>\n#include <stdio.h>\nint main(void) { puts(hf_err_text(HF_ERR_BOUNDS)); return 0; }\n', MEMORY)
    assert "HOLDFAST_MEM_0.1" in run("readelf", "-V", program)
    damaged = tmp_path / "needs-newer"
    damaged.write_bytes(program.read_bytes().replace(b"HOLDFAST_MEM_0.1", b"HOLDFAST_MEM_9.9"))
    damaged.chmod(0o755)
    done = subprocess.run([damaged], capture_output=True, text=True, env={**os.environ, "LD_BIND_NOW": "1"})
    assert done.returncode != 0 and "HOLDFAST_MEM_9.9" in done.stderr


def test_pkg_config_asks_for_the_other_module():
    assert pkg_config("--print-requires", WHOLE) == ["holdfast-mem"] or pkg_config("--print-requires", WHOLE)[0] == "holdfast-mem"
    assert "libcrypto" in pkg_config("--print-requires-private", WHOLE)
    assert not any("ssl" in w or "crypto" in w for w in pkg_config("--libs", WHOLE))
