import pytest
from tree import run, write

FUNCTION = "void f(void)\n{\n    %s\n}\n"


@pytest.mark.parametrize(
    "rule, code",
    [
        ("memcpy", "memcpy(a, b, n);"),
        ("memcpy", "memcpy(a, b, sizeof(b));"),
        ("memcmp", "return memcmp(a, b, n);"),
        ("malloc", "p = malloc(n);"),
        ("unbounded-string", "strcpy(a, b);"),
        ("unbounded-string", "sprintf(a, b);"),
        ("hidden-state", "p = strtok(a, b);"),
        ("weak-parse", "n = atoi(a);"),
        ("minus-one", "return -1;"),
        ("backward-goto", "goto again;"),
        ("weak-random", "n = rand();"),
        ("clock", "clock_gettime(CLOCK_REALTIME, &t);"),
        ("getenv", "p = getenv(a);"),
        ("shell", "system(a);"),
        ("platform-if", "\n#ifdef __linux__\n    g();\n#endif"),
        ("unwiped-secret", "uint8_t key[32];"),
        ("unwiped-secret", "char passphrase[128] = { 0 };"),
        ("locks-memory", "(void)mlock(a, n);"),
        ("locks-memory", "(void)mlock2(a, n, MLOCK_ONFAULT);"),
        ("locks-memory", "(void)mlockall(MCL_CURRENT);"),
        ("locks-memory", "munlock(a, n);"),
        ("locks-memory", "int fd = memfd_secret(0);"),
        ("locks-memory", "int fd = (int)syscall(SYS_memfd_secret, 0);"),
        ("locks-memory", "int fd = (int)syscall(__NR_memfd_secret, 0);"),
        ("locks-memory", "VirtualLock(a, n);"),
        ("locks-memory", "madvise(a, n, MADV_DONTDUMP);"),
        ("locks-memory", "madvise(a, n, MADV_WIPEONFORK);"),
        ("locks-memory", "p = mmap(NULL, n, 0, MAP_LOCKED, -1, 0);"),
        ("process-setting", "prctl(PR_SET_DUMPABLE, 0);"),
        ("process-setting", "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);"),
        ("process-setting", "setrlimit(RLIMIT_CORE, &none);"),
        ("leftover", "g(); /* TODO: later */"),
        ("machine-path", 'open("/home/someone/file");'),
    ],
)
def test_each_rule_finds_its_word_and_says_what_instead(tmp_path, rule, code):
    rc, out = run("check-names", write(tmp_path, **{"src/base/a.c": FUNCTION % code}))
    assert rc == 1
    assert f": {rule}: " in out and "write instead: " in out


@pytest.mark.parametrize(
    "code",
    [
        "/* memcpy(a, b, n) is not meant here */",
        'log("strcpy(");',
        "goto out;",
        "HF_AUTO(wipe) uint8_t key[32];",
        "HF_AUTO(wipe)\n    uint8_t key[32];",
        "uint8_t public_key[65];",
        "my_malloc(n);",
        "memcpy(a->id, b, sizeof(a->id));",
    ],
)
def test_what_is_fine(tmp_path, code):
    rc, out = run("check-names", write(tmp_path, **{"src/base/a.c": FUNCTION % code}))
    assert rc == 0, out


@pytest.mark.parametrize(
    "rule, code, folders",
    [
        ("locks-memory", "(void)mlock(a, n);", {"src/mem", "src/harden"}),
        ("locks-memory", "madvise(a, n, MADV_DONTDUMP);", {"src/mem", "src/harden"}),
        ("process-setting", "prctl(PR_SET_DUMPABLE, 0);", {"src/sys"}),
    ],
)
def test_what_one_folder_does_for_all(tmp_path, rule, code, folders):
    for folder in ("src/mem", "src/harden", "src/sys", "src/crypto", "src/cli", "src/memory"):
        root = tmp_path / folder.replace("/", "-")
        rc, out = run("check-names", write(root, **{f"{folder}/a.c": FUNCTION % code}))
        assert (rc == 0) == (folder in folders), out
        assert folder in folders or f": {rule}: " in out


def test_words_about_locking_are_fine(tmp_path):
    text = "/* mlock(2) and memfd_secret */\n" + FUNCTION % 'log("memfd_secret is missing; mlock(2) is used");\n    hf_probe_memfd_secret();'
    rc, out = run("check-names", write(tmp_path, **{"src/core/a.c": text}))
    assert rc == 0, out


def test_struct_members_and_parameters_are_no_local_arrays(tmp_path):
    text = "struct s {\n    uint8_t key[32];\n};\nvoid f(const uint8_t key[static 32])\n{\n    g(key);\n}\n"
    rc, out = run("check-names", write(tmp_path, **{"src/base/a.c": text}))
    assert rc == 0, out


def test_header_guards_and_platform_folders_may_use_if(tmp_path):
    guard = "#ifndef HF_A_H\n#define HF_A_H\n#ifdef __cplusplus\n#endif\n#endif\n"
    rc, out = run("check-names", write(tmp_path, **{"src/base/a.h": guard, "src/sys/b.c": "#ifdef SYS_landlock\n#endif\n"}))
    assert rc == 0, out


@pytest.mark.parametrize("counted, code", [(0, 1), (1, 1), (2, 0), (3, 1)])
def test_exceptions_are_counted_exactly(tmp_path, counted, code):
    write(tmp_path, **{"src/base/a.c": FUNCTION % "memcpy(a, b, n);\n    memcpy(c, d, n);", "tools/name-exceptions.txt": f"memcpy src/base/a.c {counted}\n"})
    rc, out = run("check-names", tmp_path)
    assert rc == code, out

