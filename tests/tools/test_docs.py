"""The pages say what the source says: routes, rights, and names of files."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

ACTIONS = {
    "list, show, versions, public keys": ["KEY_DESCRIBE"],
    "sign, verify, encrypt, decrypt, encapsulate, decapsulate, mac, rewrap, random": [
        "CRYPTO_SIGN", "CRYPTO_VERIFY", "CRYPTO_ENCRYPT", "CRYPTO_DECRYPT", "CRYPTO_ENCAPSULATE", "CRYPTO_DECAPSULATE",
        "CRYPTO_MAC", "CRYPTO_REWRAP", "CRYPTO_RANDOM"],
    "create, rotate, import, set attributes and tags": ["KEY_CREATE", "KEY_ROTATE", "KEY_IMPORT", "KEY_UPDATE"],
    "revoke, destroy": ["KEY_REVOKE", "KEY_DESTROY"],
    "audit": ["AUDIT_VIEW"],
    "keyset show / apply": ["KEYSET_DESCRIBE", "KEYSET_APPLY"],
    "capabilities": ["SYSTEM_DESCRIBE"],
    "metrics": ["METRICS_VIEW"],
    "rotate-epoch, seal, unseal, revoke a token": ["ROOT_ROTATE_EPOCH", "ROOT_SEAL", "ROOT_UNSEAL", "TOKEN_REVOKE"],
    "open and end a session, introspect a token": ["SESSION_OPEN", "SESSION_END", "TOKEN_INTROSPECT"],
}


def test_every_route_has_its_row():
    code = (ROOT / "src/gateway/routes.c").read_text()
    routes = {f"{m} {p.replace(':id', 'KEY').replace(':bytes', 'BYTES')}" for m, p in re.findall(r'\.method = HF_HTTP_(\w+),\s*\.path = "([^"]+)"', code)}
    assert len(routes) > 20
    assert set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]+)`", (ROOT / "docs/rest.md").read_text())) == routes


def test_table_of_rights():
    code = (ROOT / "src/policy/rbac.h").read_text()
    allowed = {name: {"ADMINISTRATOR", *re.findall(r"HF_ROLE_(\w+)", roles)} for name, roles in re.findall(r'^ +X\((\w+), "[\w:-]+", ([^)]+)\)', code, re.MULTILINE)}
    assert sorted(allowed) == sorted(a for row in ACTIONS.values() for a in row)
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in (ROOT / "docs/tokens.md").read_text().splitlines() if line.count("|") == 6]
    table = {row[0]: dict(zip(("ADMINISTRATOR", "OPERATOR", "AUDITOR", "SERVICE"), row[1:])) for row in rows[2:]}
    assert table.keys() == ACTIONS.keys()
    for row, cells in table.items():
        for role, cell in cells.items():
            may = [a for a in ACTIONS[row] if role in allowed[a]]
            expected = {"yes": ACTIONS[row], "-": [], "show": ["KEYSET_DESCRIBE"]}[cell]
            assert may == expected, (row, role)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_that_a_page_names_exist(page):
    text = page.read_text()
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(r"(?<![\w/.-])((?:src|tests|tools|docs|include|fuzz|bench)/[\w./-]+)", text):
        if "..." not in name and not name.startswith("tests/.../"):
            assert (ROOT / name.rstrip("./")).exists() or (ROOT / name.rstrip(".")).exists(), name


def test_commands_of_the_makefile_that_pages_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for name in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert name in targets, (page.name, name)
