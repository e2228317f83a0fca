"""The program `selftest`: published vectors, vectors made here, vectors turned wrong, and files that are none.

HF_SELFTEST names the built program; HOLDFAST_DATA_DIR the folder with vectors/, whose tests are skipped without it.
"""
import hashlib
import hmac
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PROGRAM = os.environ.get("HF_SELFTEST", "")
VECTORS = Path(os.environ.get("HOLDFAST_DATA_DIR", "../shared/data")) / "vectors"
SOURCE = Path(os.environ.get("HOLDFAST_SOURCE_DIR", "."))
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo

needs_vectors = pytest.mark.skipif(not (VECTORS / "wycheproof").is_dir(),
                                   reason=f"no test data: {VECTORS} is not there; set HOLDFAST_DATA_DIR")


def run(*args, timeout=60):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=timeout, check=False)


def report(folder, code=0):
    done = run("--vectors", folder, "--output", "json")
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr)
    return json.loads(done.stdout)


def totals(folder, code=0):
    return report(folder, code)["vectors"]["totals"]


def write(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# ---- the known answers alone ----


def test_known_answers():
    done = run()
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) >= 35
    assert all(re.fullmatch(r"known answer [a-z0-9-]+: passed", line) for line in lines[:-1]), lines
    assert lines[-1] == f"total: {len(lines) - 1} known answers, 0 failed"
    document = json.loads(run("--output", "json").stdout)
    assert document["passed"] is True and "vectors" not in document
    assert [a["name"] for a in document["known_answers"]] == [re.match(r"known answer (\S+):", li)[1] for li in lines[:-1]]


def test_a_changed_answer_is_told(tmp_path):
    image = bytearray(Path(PROGRAM).read_bytes())
    image[image.index(b"KAT:mldsa-sign") + 16] ^= 1
    copy = tmp_path / "selftest"
    copy.write_bytes(image)
    copy.chmod(0o755)
    done = subprocess.run([copy], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 8
    assert [line for line in done.stdout.splitlines() if "FAILED" in line] == [
        "known answer mldsa-sign: FAILED"]


@pytest.mark.parametrize("args", [["--vectors"], ["--output", "xml"], ["--what"], ["folder"], ["--vectors", "/nowhere/at/all"]])
def test_wrong_usage(args):
    done = run(*args)
    assert done.returncode == 2 and done.stderr and not done.stdout


# ---- published vectors ----


@needs_vectors
def test_published_vectors_have_no_wrong_answer():
    vectors = report(VECTORS)["vectors"]
    files = {f["file"]: f for f in vectors["files"]}
    assert vectors["totals"]["wrong"] == 0 and vectors["totals"]["run"] >= 4000
    for name, least in [("aes_gcm", 40), ("aes_gmac", 80), ("aes_kwp", 60), ("ecdsa_secp256r1_sha256", 480), ("ed25519", 100),
                        ("ecdsa_secp256r1_sha256_p1363", 170), ("hkdf_sha256", 86), ("hmac_sha512", 110), ("mldsa_65_verify", 210),
                        ("mldsa_65_sign_seed", 105), ("mldsa_65_sign_noseed", 39), ("mlkem_768", 190), ("mlkem_768_encaps", 130),
                        ("mlkem_768_semi_expanded_decaps", 9), ("rsa_signature_2048_sha256", 259), ("rsa_pkcs1_2048_sig_gen", 27),
                        ("rsa_oaep_3072_sha256_mgf1sha256", 37), ("rsa_pss_2048_sha384_mgf1_48", 141), ("primality", 212),
                        ("json_web_signature", 200)]:
        assert files[f"wycheproof/{name}_test.json"]["run"] >= least, name
    for name in ("ML-DSA-keyGen", "ML-DSA-sigGen", "ML-DSA-sigVer"):
        assert files[f"acvp/{name}-FIPS204.json"]["as_expected"] >= 15
    assert files["acvp/ML-KEM-encapDecap-FIPS203.json"]["as_expected"] == 35
    for f in files.values():
        assert f["tests"] == f["run"] + f["skipped"] and f["run"] == f["as_expected"] + f["stricter"] + f["wrong"]
        assert sum(f["stricter_reasons"].values()) == f["stricter"] and sum(f["skipped_reasons"].values()) == f["skipped"]
        assert f["tests"] > 0 or "skipped_file" in f


@needs_vectors
def test_text_and_json_tell_the_same():
    done = run("--vectors", VECTORS)
    t = totals(VECTORS)
    line = done.stdout.splitlines()[-1]
    for number, word in [(t["run"], "run"), (t["as_expected"], "as expected"), (t["stricter"], "stricter"), (t["wrong"], "wrong"),
                         (t["skipped"], "skipped")]:
        assert f"{number} {word}" in line, line
    assert done.returncode == 0 and line.startswith("total: ")


def test_every_reason_is_explained():
    words = re.findall(r'X\(\w+, "([a-z0-9-]+)"\)', (SOURCE / "src/selftest/verdict.h").read_text())
    text = (SOURCE / "docs/algorithms.md").read_text()
    words.remove("word")  # of the comment that says how the rows look
    assert len(words) > 20
    assert [w for w in words if f"`{w}`" not in text] == []


# ---- a vector turned wrong must be seen: the verdicts are not decoration ----

OPPOSITE = {"valid": "invalid", "invalid": "valid"}
FAMILIES = ["aes_gcm", "aes_gmac", "aes_kwp", "ecdsa_secp256r1_sha256_p1363", "ed25519", "hkdf_sha256", "hmac_sha256",
            "json_web_signature", "mldsa_65_verify", "mldsa_65_sign_seed", "mldsa_65_sign_noseed", "mlkem_768_encaps",
            "mlkem_768_semi_expanded_decaps", "mlkem_768", "mlkem_768_keygen_seed", "primality", "rsa_oaep_2048_sha256_mgf1sha256",
            "rsa_pkcs1_2048_sig_gen", "rsa_pss_2048_sha256_mgf1_32", "rsa_pss_2048_sha256_mgf1_32_params",
            "rsa_signature_3072_sha256"]


@needs_vectors
@pytest.mark.parametrize("family", FAMILIES)
def test_turned_verdicts_are_wrong(tmp_path, family):
    document = json.loads((VECTORS / f"wycheproof/{family}_test.json").read_text())
    before = totals(write(tmp_path, "before.json", document))
    for group in document["testGroups"]:
        for test in group["tests"]:
            test["result"] = OPPOSITE.get(test["result"], test["result"])
    after = totals(write(tmp_path, "after.json", document), code=8)
    # what was as expected and is not left open is now wrong; sizes that are refused whatever they hold become stricter
    assert after["wrong"] >= 0.5 * before["as_expected"], (before, after)
    assert after["run"] + after["skipped"] == before["run"] + before["skipped"]


def changed(value):
    return ("0" if value[0] != "0" else "1") + value[1:]


@needs_vectors
@pytest.mark.parametrize("name, members", [
    ("acvp/ML-DSA-keyGen-FIPS204", ["pk", "sk"]), ("acvp/ML-DSA-sigGen-FIPS204", ["signature"]),
    ("acvp/ML-KEM-keyGen-FIPS203", ["ek", "dk"]), ("acvp/ML-KEM-encapDecap-FIPS203", ["k"]),
    ("wycheproof/mldsa_65_sign_seed_test", ["sig"]), ("wycheproof/hkdf_sha512_test", ["okm"]),
    ("wycheproof/rsa_pkcs1_2048_sig_gen_test", ["sig"]), ("wycheproof/mlkem_768_test", ["K"]), ("wycheproof/aes_kwp_test", ["msg"]),
    ("wycheproof/rsa_oaep_2048_sha256_mgf1sha256_test", ["msg"])])
def test_changed_answers_are_wrong(tmp_path, name, members):
    for member in members:
        document = json.loads((VECTORS / f"{name}.json").read_text())
        for group in document["testGroups"]:
            for test in group["tests"]:
                if test.get(member) and test.get("result", "valid") == "valid":
                    test[member] = changed(test[member])
        after = totals(write(tmp_path, "changed.json", document), code=8)
        assert after["wrong"] >= 3, (member, after)


# ---- vectors of sizes that no published file here has, made by another implementation ----


def group_file(algorithm, kind, tests, **members):
    return {"algorithm": algorithm, "numberOfTests": len(tests),
            "testGroups": [{"type": kind, **members, "tests": [{"tcId": i + 1, "comment": "", "flags": [], **t}
                                                               for i, t in enumerate(tests)]}]}


def signed_tests(sign, good=8):
    tests = []
    for i in range(good):
        text = os.urandom(i * 7)
        sig = sign(text)
        tests.append({"msg": text.hex(), "sig": sig.hex(), "result": "valid"})
        bad = bytearray(sig)
        bad[-1 - i % 8] ^= 1 << (i % 8)
        tests += [{"msg": text.hex(), "sig": bytes(bad).hex(), "result": "invalid"},
                  {"msg": (text + b"x").hex(), "sig": sig.hex(), "result": "invalid"},
                  {"msg": text.hex(), "sig": sig[:-1].hex(), "result": "invalid"}]
    return tests


def judged(folder, document, expected=None):
    t = totals(write(folder, "made.json", document))
    want = sum(len(g["tests"]) for g in document["testGroups"])
    assert t["as_expected"] == (want if expected is None else expected) and t["tests"] == want, t
    return t


@pytest.mark.parametrize("curve, name", [(ec.SECP256R1(), "secp256r1"), (ec.SECP384R1(), "secp384r1")])
@pytest.mark.parametrize("hash_", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_made_ecdsa(tmp_path, curve, name, hash_):
    key = ec.generate_private_key(curve)
    sha = "SHA-" + hash_.name[3:]
    members = {"publicKeyDer": key.public_key().public_bytes(DER, SPKI).hex(), "sha": sha, "publicKey": {"curve": name}}
    judged(tmp_path, group_file("ECDSA", "EcdsaVerify", signed_tests(lambda m: key.sign(m, ec.ECDSA(hash_))), **members))
    n = (curve.key_size + 7) // 8

    def raw(text):
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hash_)))
        return r.to_bytes(n) + s.to_bytes(n)
    judged(tmp_path, group_file("ECDSA", "EcdsaP1363Verify", signed_tests(raw), **members))


@pytest.mark.parametrize("bits", [2048, 3072])
@pytest.mark.parametrize("hash_", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_made_rsa(tmp_path, bits, hash_):
    key = rsa.generate_private_key(65537, bits)
    sha = "SHA-" + hash_.name[3:]
    members = {"keySize": bits, "sha": sha, "publicKeyDer": key.public_key().public_bytes(DER, SPKI).hex()}
    judged(tmp_path, group_file("RSASSA-PKCS1-v1_5", "RsassaPkcs1Verify",
                                signed_tests(lambda m: key.sign(m, padding.PKCS1v15(), hash_)), **members))
    pss = {**members, "mgf": "MGF1", "mgfSha": sha}
    judged(tmp_path, group_file("RSASSA-PSS", "RsassaPssVerify",
                                signed_tests(lambda m: key.sign(m, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)),
                                sLen=hash_.digest_size, **pss))
    t = judged(tmp_path, group_file("RSASSA-PSS", "RsassaPssVerify",
                                    signed_tests(lambda m: key.sign(m, padding.PSS(padding.MGF1(hash_), 20), hash_)), sLen=20, **pss), 24)
    assert t["stricter_reasons"] == {"pss-salt-length": 8}
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    tests = [{"msg": os.urandom(n).hex(), "label": "", "result": "valid"} for n in (1, 16, 32, 100)]
    for t in tests:
        t["ct"] = key.public_key().encrypt(bytes.fromhex(t["msg"]), oaep).hex()
    tests += [{**t, "ct": changed(t["ct"]), "result": "invalid"} for t in tests]
    pkcs8 = key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).hex()
    judged(tmp_path, group_file("RSAES-OAEP", "RsaesOaepDecrypt", tests, keySize=bits, sha="SHA-256", mgf="MGF1", mgfSha="SHA-256",
                                privateKeyPkcs8=pkcs8))


def test_made_eddsa_and_symmetric(tmp_path):
    key = ed25519.Ed25519PrivateKey.generate()
    judged(tmp_path, group_file("EDDSA", "EddsaVerify", signed_tests(key.sign), publicKey={"curve": "edwards25519"},
                                publicKeyDer=key.public_key().public_bytes(DER, SPKI).hex()))
    for name in ("sha256", "sha384", "sha512"):
        size = hashlib.new(name).digest_size
        tests = []
        for n in (1, size, size * 3):
            secret, text = os.urandom(n), os.urandom(50)
            tag = hmac.new(secret, text, name).hexdigest()
            tests += [{"key": secret.hex(), "msg": text.hex(), "tag": tag, "result": "valid"},
                      {"key": secret.hex(), "msg": text.hex(), "tag": changed(tag), "result": "invalid"}]
        judged(tmp_path, group_file("HMAC" + name.upper(), "MacTest", tests, tagSize=size * 8))
        tests = []
        for n in (1, 42, size * 2):
            ikm, salt, info = os.urandom(32), os.urandom(8), os.urandom(9)
            okm = HKDF(getattr(hashes, name.upper())(), n, salt, info).derive(ikm)
            tests.append({"ikm": ikm.hex(), "salt": salt.hex(), "info": info.hex(), "size": n, "okm": okm.hex(), "result": "valid"})
        tests.append({"ikm": "00", "salt": "", "info": "", "size": 255 * size + 1, "okm": "", "result": "invalid"})
        judged(tmp_path, group_file("HKDF-SHA-" + name[3:], "HkdfTest", tests))
    tests = []
    for n in (0, 1, 16, 1000):
        secret, nonce, aad, text = os.urandom(32), os.urandom(12), os.urandom(n % 9), os.urandom(n)
        sealed = AESGCM(secret).encrypt(nonce, text, aad).hex()
        one = {"key": secret.hex(), "iv": nonce.hex(), "aad": aad.hex(), "msg": text.hex(), "ct": sealed[:-32], "tag": sealed[-32:]}
        tests += [{**one, "result": "valid"}, {**one, "tag": changed(one["tag"]), "result": "invalid"}]
    judged(tmp_path, group_file("AES-GCM", "AeadTest", tests, keySize=256, ivSize=96, tagSize=128))


def test_nist_list_around_the_object_is_read(tmp_path):
    group = {"tgId": 1, "parameterSet": "ML-KEM-768", "testType": "AFT", "tests": [{"tcId": 1, "d": "00" * 32, "z": "00" * 32}]}
    write(tmp_path, "a.json", [{"acvVersion": "1.0"}, {"vsId": 1, "algorithm": "ML-KEM", "mode": "keyGen", "testGroups": [group]}])
    f = report(tmp_path)["vectors"]["files"][0]
    assert f["skipped_reasons"] == {"no-expected-result": 1}


# ---- files that are no vectors ----

ODD = {
    "empty": "", "brace": "{", "null": "null", "number": "5", "list": "[]", "object": "{}", "string": '"testGroups"',
    "bom": "\ufeff{}", "two": "{}{}", "comment": "// x\n{}", "single": "{'a':1}", "deep": "[" * 100000 + "]" * 100000,
    "deeper": '{"testGroups":' * 5000 + "1" + "}" * 5000,
    "groups-number": '{"testGroups": 5}', "groups-null": '{"testGroups": [null, 5, [], {}, "x"]}',
    "tests-null": '{"testGroups": [{"type": "EcdsaVerify", "tests": null}]}',
    "tests-odd": '{"testGroups": [{"type": "EcdsaVerify", "tests": [null, 1, "x", [], {}]}]}',
    "type-number": '{"testGroups": [{"type": 7, "tests": [{"result": "valid"}]}]}',
    "result-odd": '{"testGroups": [{"type": "HkdfTest", "tests": [{"result": "perhaps"}, {"result": 1}, {"result": null}]}]}',
    "edge-odd": '[{"key": 1, "sig": [], "msg": null, "flags": {}}, 5, null]',
    "escape": '{"algorithm": "\\u0000\\u001b[31m\\ud83d\\ude00", "testGroups": []}',
    "surrogate": '{"algorithm": "\\ud800", "testGroups": []}',
}


def odd_tests():
    """Every kind of test with members that are missing, of another type, not hexadecimal, of odd length, or huge."""
    kinds = re.findall(r'\{ "(\w+)", st_\w+ \}', (SOURCE / "src/selftest/vectors.c").read_text())
    values = [None, 5, -1, 1e300, True, "", "0", "zz", "00", "ff" * 5000, [], {}, {"keys": [{}]}, {"curve": "secp256r1"}]
    names = ["msg", "sig", "key", "iv", "aad", "ct", "tag", "ikm", "salt", "info", "okm", "size", "seed", "ek", "dk", "c", "K", "m",
             "value", "label", "ctx", "mu", "rnd", "jws"]
    settings = {"algorithm": "ML-DSA-65", "keySize": 2048, "sha": "SHA-256", "mgf": "MGF1", "mgfSha": "SHA-256", "sLen": 32,
                "parameterSet": "ML-KEM-768", "ivSize": 96, "tagSize": 128}
    for kind in kinds:
        for value in values:
            group = {"type": kind, **settings, "publicKeyDer": value, "privateKeyPkcs8": value, "publicKey": value, "private": value,
                     "privateSeed": value, "tests": [{"result": r, **dict.fromkeys(names, value)} for r in ("valid", "invalid")]}
            yield {"algorithm": settings["algorithm"], "testGroups": [group]}


def test_odd_files_are_reported_and_never_crash(tmp_path):
    for name, text in ODD.items():
        write(tmp_path, f"{name}.json", text)
    (tmp_path / "latin.json").write_bytes(b'{"algorithm": "\xff\xfe", "testGroups": []}')
    (tmp_path / "nul.json").write_bytes(b"\0" * 1000)
    files = {f["file"][:-5]: f for f in report(tmp_path)["vectors"]["files"]}
    assert set(files) == set(ODD) | {"latin", "nul"}
    for name in ("empty", "brace", "bom", "two", "comment", "single", "latin", "nul", "surrogate"):
        assert files[name].get("skipped_file") == "malformed-json", name
    for name in ("null", "number", "list", "object", "string", "deep", "groups-number"):
        assert files[name].get("skipped_file") == "unknown-shape", name
    assert files["tests-odd"]["skipped_reasons"] == {"malformed-test": 4, "no-expected-result": 1}
    assert files["result-odd"]["skipped_reasons"] == {"no-expected-result": 3}
    assert files["type-number"]["skipped_reasons"] == {"unknown-test-type": 1}
    assert files["edge-odd"]["skipped_reasons"] == {"malformed-test": 3}
    assert "\x1b" not in run("--vectors", tmp_path).stdout


def test_odd_members_never_crash(tmp_path):
    kinds = 0
    for i, document in enumerate(odd_tests()):
        write(tmp_path, f"{i}.json", document)
        kinds += 1
    done = run("--vectors", tmp_path, "--output", "json")
    assert done.returncode in (0, 8) and kinds > 200, done.stderr
    assert json.loads(done.stdout)["vectors"]["totals"]["tests"] >= 2 * kinds


def test_folders_links_and_things_that_are_no_files(tmp_path):
    good = group_file("HKDF-SHA-256", "HkdfTest", [{"ikm": "00", "salt": "", "info": "", "size": 0, "okm": "", "result": "invalid"}])
    (tmp_path / "a" / "b").mkdir(parents=True)
    write(tmp_path / "a" / "b", "one.json", good)
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "link.json").symlink_to(tmp_path / "a" / "b" / "one.json")
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.json").mkdir()
    write(tmp_path, "notes.txt", "no vectors")
    os.mkfifo(tmp_path / "pipe.json")
    with open(tmp_path / "large.json", "wb") as f:
        f.truncate(65 << 20)
    deep = tmp_path / "deep"
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    write(deep, "unseen.json", good)
    vectors = report(tmp_path)["vectors"]
    files = {f["file"]: f for f in vectors["files"]}
    assert set(files) == {"a/b/one.json", "link.json", "dangling.json", "pipe.json", "large.json"}
    assert files["a/b/one.json"]["as_expected"] == files["link.json"]["as_expected"] == 1
    assert files["dangling.json"]["skipped_file"] == files["pipe.json"]["skipped_file"] == "unreadable"
    assert files["large.json"]["skipped_file"] == "file-too-large"
    assert vectors["other_files"] == 1 and vectors["unreachable_folders"] >= 1
    assert totals(tmp_path / "a" / "b" / "one.json")["run"] == 1
    empty = tmp_path / "folder.json"
    done = run("--vectors", empty)
    assert done.returncode == 0 and "no .json files" in done.stderr
