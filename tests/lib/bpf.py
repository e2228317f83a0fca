"""Reads seccomp filters as the kernel has them (the tool filter-dump) and says what they decide, by following every path."""
import platform
import re
from pathlib import Path

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
X86_64, I386 = 0xc000003e, 0x40000003
ALLOW, ERRNO, KILL = 0x7fff0000, 0x00050000, 0x80000000
ERRORS = {1: "EPERM", 38: "ENOSYS"}


def parse(lines):
    """A list of filters, each a list of (code, jt, jf, k)."""
    filters = [[]]
    for line in lines:
        if line == "--":
            filters.append([])
        else:
            filters[-1].append(tuple(map(int, line.split())))
    return filters


def action_name(value):
    if value == ALLOW:
        return "allow"
    if value == KILL:
        return "kill"
    assert value & 0xffff0000 == ERRNO, hex(value)
    return ERRORS[value & 0xffff]


def paths(program, number, arch=X86_64):
    """Every (conditions, action) for a call number: conditions are (argument, equal, value) of what the filter looks at."""
    found, todo = [], [(0, None, ())]
    while todo:
        at, word, conditions = todo.pop()
        code, jt, jf, k = program[at]
        if code == RETURN:
            found.append((conditions, action_name(k)))
        elif code == LOAD:
            known = {0: number, 4: arch}
            word = known.get(k, ("arg", (k - 16) // 8))
            assert k in known or (k - 16) % 8 == 0
            todo.append((at + 1, word, conditions))
        elif isinstance(word, tuple):
            assert code == EQUAL
            for taken, jump in ((False, jf), (True, jt)):
                todo.append((at + 1 + jump, word, conditions + ((word[1], taken, k),)))
        else:
            assert code in (EQUAL, AT_LEAST)
            taken = word == k if code == EQUAL else word >= k
            todo.append((at + 1 + (jt if taken else jf), word, conditions))
    return found


def call_names():
    header = Path("/usr/include") / f"{platform.machine()}-linux-gnu" / "asm/unistd_64.h"
    return {int(n): name for name, n in re.findall(r"#define __NR_(\w+) (\d+)", header.read_text())}


def decisions(program):
    """Name of a call -> list of (condition text, action), the unconditional one last; calls that just kill are left out."""
    result = {}
    for number, name in sorted(call_names().items()):
        rows = {}
        for conditions, action in paths(program, number):
            wanted = [f"argument {arg} is {value}" for arg, equal, value in conditions if equal]
            rows[" and ".join(wanted)] = action
        if set(rows.values()) != {"kill"}:
            result[name] = sorted(rows.items(), key=lambda r: (r[0] == "", r[0]))
    return result


def text(program):
    """The snapshot: one line a rule, in the order of the call numbers."""
    lines = []
    for name, rows in decisions(program).items():
        lines += [f"{name} {'if ' + when + ': ' if when else ''}{action}" for when, action in rows]
    return "\n".join(lines + ["everything else kill", ""])
