"""Each example builds against the installed tree with the command that stands in it, without a warning, and does what it says."""
import os
import pty
import re
import select
import shlex
import shutil
import subprocess

import pytest

from library import ROOT, STAGE, run

EXAMPLES = ROOT / "examples"
STRICT = {".c": ["-std=gnu17", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"], ".cc": ["-Wall", "-Wextra", "-Wpedantic", "-Wold-style-cast", "-Werror"]}
COMPILERS = {".c": ["gcc", "clang"], ".cc": ["g++", "clang++"]}
MEMORY = r"(memfd_secret|mlock)"
SAYS = {
    "passphrase.c": rf"11 bytes in {MEMORY} memory\n",
    "key_in_scopes.c": "tags agree: yes\na stray read: SIGSEGV\n",
    "session_keys.c": "2000 sessions, 0 refused, 0 keys left\n",
    "openssl_heap.c": "signed and verified: yes\nthe key lies in the arena: yes\nroom for more work: yes\n",
    "report.c": r"this process:\n(  [\w-]+ +(active|degraded|absent) .*\n)+this machine:\n(  [\w-]+ +(active|degraded|absent) .*\n){15,}locked memory for .*: .*\n",
    "sealed_tokens.c": "opened: the value of token 7\nin another's place: bad_ciphertext\nas another version: bad_ciphertext\n",
    "settings_file.c": "match\n  admin = alice\ntamper\ntamper\nmatch\n  admin = bob\n",
    "raii.cc": "a string of 6 bytes\na key of 32 bytes, random\nsomething fails inside; the scope is closed\n",
}
NAMES = sorted(SAYS)


def command_of(name):
    return re.search(r"^ *(?:\*|//) +((?:cc|c\+\+) .*)$", (EXAMPLES / name).read_text(), re.MULTILINE).group(1)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")

    def build(name, compiler=None, static=False):
        suffix = "." + name.split(".")[1]
        program = folder / f"{name}-{compiler}{'-static' * static}"
        if not program.exists():
            command = command_of(name)
            words = shlex.split(command.split("$(")[0])
            assert words[-1] == name
            modules = re.search(r"\$\(pkg-config --cflags --libs ([\w .-]+)\)", command).group(1)
            asked = f"pkg-config --cflags --libs {'--static ' * static}{modules}"
            script = " ".join([compiler or words[0], *STRICT[suffix], *words[1:-1], *["-static"] * static, str(EXAMPLES / name), f"$({asked})", "-o", str(program)])
            run("sh", "-eu", "-c", script, env={"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": f"{STAGE}/lib/pkgconfig"})
        return program
    return build


def output_of(name, program, folder, before=()):
    words = [*before, program, *([folder] if name == "settings_file.c" else [])]
    typed = "open sesame\nopen sesame\n" if name == "passphrase.c" else ""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, input=typed, timeout=120)
    assert done.returncode == 0, (name, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout, done.stderr


def test_every_example_is_here():
    assert {p.name for p in EXAMPLES.iterdir()} == {"README.md", *NAMES}
    readme = (EXAMPLES / "README.md").read_text()
    assert sorted(re.findall(r"^\| \[([\w.]+)\]\(\1\)", readme, re.MULTILINE)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_builds_and_does_what_it_says(name, built, tmp_path):
    for compiler in COMPILERS["." + name.split(".")[1]]:
        (folder := tmp_path / compiler).mkdir()
        said, _ = output_of(name, built(name, compiler), folder)
        assert re.fullmatch(SAYS[name], said), said


@pytest.fixture
def of_nobody():
    """A folder of the user nobody, outside those of pytest, which that user cannot enter."""
    if os.geteuid() != 0:
        pytest.skip("must be root to become another user")
    folder = run("runuser", "-u", "nobody", "--", "mktemp", "-d").strip()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", NAMES)
def test_as_an_ordinary_user(name, built, of_nobody):
    """Under the limit that such a user has: 8 MiB of locked memory. Linked statically with us, as the stage may lie where nobody comes."""
    program = shutil.copy(built(name, static=True), of_nobody)
    said, _ = output_of(name, program, of_nobody, ["prlimit", "--memlock=8388608:8388608", "runuser", "-u", "nobody", "--"])
    assert re.fullmatch(SAYS[name], said), said


@pytest.mark.parametrize("name", NAMES)
def test_valgrind_finds_nothing(name, built, tmp_path):
    """Nothing lost and no byte that is used before it was set."""
    _, said = output_of(name, built(name), tmp_path, ["valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"])
    assert "ERROR SUMMARY: 0 errors" in said, said


def test_report_is_strict(built):
    """It goes on exactly where all that must be active is; one that may lock no page is refused, and told why."""
    program = built("report.c")
    machine = run(program).split("this machine:\n")[1]
    wanted = ("locked-memory", "wipe-on-fork", "no-dump", "secure-random", "no-core", "not-dumpable")
    fine = all(re.search(rf"^  {name} +active", machine, re.MULTILINE) for name in wanted)
    assert subprocess.run([program, "--strict"], capture_output=True).returncode == (0 if fine else 1)
    if os.geteuid() != 0:
        pytest.skip("must be root to become another user")
    words = ["prlimit", "--memlock=0:0", "setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", program, "--strict"]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    assert done.returncode == 1 and "RLIMIT_MEMLOCK" in done.stderr and "locked-memory" in done.stderr, done


def test_a_passphrase_is_not_shown(built):
    """On a terminal: what is typed is not echoed, also when it comes the moment the prompt is there."""
    outer, inner = pty.openpty()
    program = subprocess.Popen(["setsid", "--ctty", "--wait", str(built("passphrase.c"))], stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    for awaited in (b"New passphrase: ", b"Again: ", b" memory"):
        while awaited not in shown:
            assert select.select([outer], [], [], 30)[0], shown
            shown += os.read(outer, 1000)
        if awaited != b" memory":
            os.write(outer, b"hunter2\n")
    assert program.wait(timeout=30) == 0
    os.close(outer)
    assert b"hunter2" not in shown and b"7 bytes in " in shown
