"""What the tree's checks share: C text without comments and strings, and where functions begin and end."""
import re
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Function = namedtuple("Function", "name first last")  # lines, counted from 1

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
FUNCTION_NAME = re.compile(r"([A-Za-z_]\w*)\s*\($")


def blank(match):
    """The same number of lines and columns, with nothing to find in it."""
    text = match.group(0)
    if text[0] in "\"'":
        return text[0] + "".join("\n" if c == "\n" else " " for c in text[1:-1]) + text[0]
    return "".join("\n" if c == "\n" else " " for c in text)


def strip(text):
    return TOKEN.sub(blank, text)


def sources(*folders, suffixes=(".c", ".h"), root=None):
    root = root or ROOT
    for folder in folders:
        base = root / folder
        if base.is_dir():
            yield from sorted(p for p in base.rglob("*") if p.suffix in suffixes)


def functions(stripped):
    """Function bodies at the outermost level of text that went through strip()."""
    found, depth, start, head = [], 0, None, ""
    for number, line in enumerate(stripped.split("\n"), 1):
        if line.lstrip().startswith("#") or (number > 1 and continued):
            continued = line.endswith("\\")
            continue
        continued = False
        for column, char in enumerate(line):
            if char == "{":
                if depth == 0:
                    name = head_name(head + line[:column])
                    start = (name, number) if name else None
                depth += 1
            elif char == "}":
                depth -= 1
                if depth == 0:
                    if start:
                        found.append(Function(start[0], start[1], number))
                    start, head = None, ""
                    line = line[: column + 1]
            elif char == ";" and depth == 0:
                head = ""
        if depth == 0:
            tail = line[line.rfind(";") + 1 :] if ";" in line else line
            head = (head + " " + tail[tail.rfind("}") + 1 :]).strip() + " "
    return found


def head_name(head):
    """The name in `static hf_err hf_noun_verb(int a, int b)`, or None for a struct, an enum or an array."""
    head = head.strip()
    if not head.endswith(")") and not re.search(r"\)\s*(HF_\w+|__attribute__\s*\(\(.*\)\))?\s*$", head):
        return None
    depth = 0
    for at in range(head.rfind(")"), -1, -1):
        depth += {")": 1, "(": -1}.get(head[at], 0)
        if depth == 0:
            match = FUNCTION_NAME.search(head[: at + 1])
            return match.group(1) if match else None
    return None
