"""Keys of every algorithm, from creation to destruction, judged by Python's `cryptography`."""
import hmac

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from core_keys import ALG, DECRYPT, ENCRYPT, GENERATED, HASH, IMPORT, ORIGIN, SCHEME, SIGN, STATE, VERIFY, Failed, Keys, attributes, texts

DIGESTS = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
SIGNERS = [a for a in GENERATED if a not in ("AES_256_GCM", "ML_KEM_768")]


@pytest.fixture(scope="module")
def keys(rig):
    return Keys(rig)


@pytest.mark.parametrize("algorithm", GENERATED)
def test_the_life_of_a_key(keys, algorithm):
    name = f"life-{algorithm}"
    made = keys.create(name, algorithm, description="d", tags=texts("t"))
    assert (made["version"], made["state"], made["origin"], made["algorithm"]) == (1, STATE["ACTIVE"], ORIGIN["GENERATED"], ALG[algorithm])
    assert made["usage"] & IMPORT == 0 and made["attributes"] == b"" and made == keys.show(name)
    assert keys.rotate(name)["version"] == 2
    assert [(v["version"], v["state"]) for v in keys.ask("KEY_VERSIONS", key=name)["items"]] == [(1, STATE["REVOKED"]), (2, STATE["ACTIVE"])]
    destroyed = keys.detail("KEY_DESTROY", key=name)
    assert destroyed["state"] == STATE["DESTROYED"] and destroyed["destruction"] == 1
    with pytest.raises(Failed, match="WRONG_STATE"):
        keys.rotate(name)


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_what_is_signed_verifies_until_it_is_altered(keys, algorithm):
    name = f"signs-{algorithm}"
    keys.create(name, algorithm)
    first = keys.sign(name, b"message")
    keys.rotate(name)
    second = keys.sign(name, b"message")
    assert keys.verify(name, b"message", first, version=1) and keys.verify(name, b"message", second)
    assert not keys.verify(name, b"messagf", second)
    assert not keys.verify(name, b"message", bytes([second[0] ^ 1]) + second[1:])
    assert not keys.verify(name, b"message", first)  # of another version


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("algorithm", ["RSA_2048", "RSA_3072"])
def test_rsa_signatures_verify_elsewhere(keys, algorithm, digest):
    name = f"rsa-{algorithm}-{digest}"
    keys.create(name, algorithm)
    public, hashed = keys.load_public(name), DIGESTS[digest]
    assert public.key_size == int(algorithm[4:]) and public.public_numbers().e == 65537
    pss = padding.PSS(mgf=padding.MGF1(hashed), salt_length=hashed.digest_size)
    public.verify(keys.sign(name, b"m", hash=HASH[digest]), b"m", pss, hashed)
    public.verify(keys.sign(name, b"m", hash=HASH[digest], scheme=SCHEME["RSA_PKCS1"]), b"m", padding.PKCS1v15(), hashed)


def test_p384_verifies_elsewhere(keys):
    keys.create("p384", "EC_P384")
    keys.load_public("p384").verify(keys.sign("p384", b"m"), b"m", ec.ECDSA(hashes.SHA384()))
    assert len(keys.sign("p384", b"m", scheme=SCHEME["ECDSA_RAW"])) == 96


def test_the_context_of_ml_dsa_counts(keys):
    keys.create("mldsa", "ML_DSA_65")
    signature = keys.sign("mldsa", b"m", context=b"one")
    assert keys.verify("mldsa", b"m", signature, context=b"one")
    assert not keys.verify("mldsa", b"m", signature, context=b"two") and not keys.verify("mldsa", b"m", signature)
    keys.create("noctx", "ED25519")
    with pytest.raises(Failed, match="UNSUPPORTED.*context"):
        keys.sign("noctx", b"m", context=b"one")


@pytest.mark.parametrize("digest", DIGESTS)
def test_macs_are_hmac(keys, rig, digest):
    """The key is imported, so that Python knows it too."""
    from core_keys import wrap
    secret = bytes(range(hashes.Hash(DIGESTS[digest]).algorithm.digest_size))
    keys.create(f"mac-import-{digest}", "RSA_2048", usage=IMPORT)
    name = f"mac-{digest}"
    keys.import_wrapped(name, wrap(keys.public(f"mac-import-{digest}"), secret), f"mac-import-{digest}", algorithm=ALG[f"HMAC_{digest}"])
    made = keys.ask("MAC", key=name, payload=b"payload")
    assert made == {"version": 1, "mac": hmac.new(secret, b"payload", digest.lower()).digest()}
    assert keys.verify(name, b"payload", made["mac"]) and not keys.verify(name, b"payloae", made["mac"])
    assert not keys.verify(name, b"payload", made["mac"][:-1])
    with pytest.raises(Failed, match="UNSUPPORTED"):
        keys.public(name)


def test_only_hmac_keys_make_macs(keys):
    keys.create("not-mac", "EC_P256")
    with pytest.raises(Failed, match="UNSUPPORTED.*not an HMAC key"):
        keys.ask("MAC", key="not-mac", payload=b"m")
    keys.create("verify-only", "HMAC_SHA256", usage=VERIFY)
    with pytest.raises(Failed, match="WRONG_USAGE"):
        keys.ask("MAC", key="verify-only", payload=b"m")


def test_random_bytes(keys):
    seen = [keys.ask("RANDOM", bytes=n)["random"] for n in (1, 32, 32, 65536)]
    assert [len(r) for r in seen] == [1, 32, 32, 65536] and seen[1] != seen[2] and len(set(seen[3])) == 256
    for n in (0, 65537, 2**32 - 1):
        with pytest.raises(Failed, match="BOUNDS"):
            keys.ask("RANDOM", bytes=n)


def test_rewrap_moves_a_ciphertext_to_the_active_version(keys):
    keys.create("wraps", "AES_256_GCM")
    for plain in (b"", b"secret", bytes(1 << 20)):
        old = keys.encrypt("wraps", plain, b"aad")
        keys.rotate("wraps")
        new = keys.ask("REWRAP", key="wraps", nonce=old["nonce"], ciphertext=old["ciphertext"], associated_data=b"aad")
        assert new["version"] == old["version"] + 1 and new["nonce"] != old["nonce"]
        assert int.from_bytes(new["ciphertext"][4:8], "big") == new["version"]
        assert keys.decrypt("wraps", new, b"aad") == keys.decrypt("wraps", old, b"aad") == plain
        again = keys.ask("REWRAP", key="wraps", nonce=new["nonce"], ciphertext=new["ciphertext"], associated_data=b"aad")
        assert keys.decrypt("wraps", again, b"aad") == plain
    refusals = set()
    for nonce, ciphertext, aad in ((old["nonce"], old["ciphertext"], b"bad"), (bytes(12), old["ciphertext"], b"aad"), (b"", old["ciphertext"], b"aad"),
                                   (old["nonce"], old["ciphertext"][:-1], b"aad"), (old["nonce"], old["ciphertext"][:4] + b"\0\0\1\0" + old["ciphertext"][8:], b"aad")):
        with pytest.raises(Failed) as refused:
            keys.ask("REWRAP", key="wraps", nonce=nonce, ciphertext=ciphertext, associated_data=aad)
        refusals.add(str(refused.value))
    assert len(refusals) == 1 and refusals.pop().startswith("BAD_CIPHERTEXT")


@pytest.mark.parametrize("usage", [ENCRYPT, DECRYPT])
def test_rewrapping_needs_both_usages(keys, usage):
    keys.create(f"half-{usage}", "AES_256_GCM", usage=usage)
    with pytest.raises(Failed, match="WRONG_USAGE"):
        keys.ask("REWRAP", key=f"half-{usage}", nonce=bytes(12), ciphertext=b"HF1\1\0\0\0\1" + bytes(16))


def test_import_is_a_usage_of_its_own(keys):
    for algorithm, more in (("RSA_2048", SIGN), ("ML_KEM_768", 1 << 4)):
        with pytest.raises(Failed, match="UNSUPPORTED.*'import' alone"):
            keys.create(f"both-{algorithm}", algorithm, usage=IMPORT | more)
        keys.create(f"import-{algorithm}", algorithm, usage=IMPORT)
    with pytest.raises(Failed, match="UNSUPPORTED"):
        keys.create("ec-import", "EC_P256", usage=IMPORT)
    for message, more in (("SIGN", {}), ("VERIFY", {"signature": b"x"}), ):
        with pytest.raises(Failed, match="WRONG_USAGE"):
            keys.ask(message, key="import-RSA_2048", payload=b"m", **more)
    with pytest.raises(Failed, match="WRONG_USAGE"):
        keys.ask("ENCAPSULATE", key="import-ML_KEM_768")
    with pytest.raises(Failed, match="WRONG_USAGE"):
        keys.ask("DECAPSULATE", key="import-ML_KEM_768", ciphertext=bytes(1088))


def test_update_changes_what_it_names(keys):
    made = keys.create("updated", "ED25519", description="before", tags=texts("a", "b"))
    after = keys.detail("KEY_UPDATE", key="updated", has_attributes=True, attributes=attributes(colour="red", owner="m\u00fcller"))
    assert after["attributes"] == attributes(colour="red", owner="m\u00fcller")
    assert (after["description"], after["tags"], after["generation"]) == ("before", made["tags"], made["generation"] + 1)
    after = keys.detail("KEY_UPDATE", key="updated", has_description=True, description="", has_tags=True, tags=texts("c"), if_generation=after["generation"])
    assert (after["description"], after["tags"]) == ("", texts("c")) and after == keys.show("updated")
    with pytest.raises(Failed, match="CONFLICT.*generation"):
        keys.detail("KEY_UPDATE", key="updated", has_description=True, description="lost", if_generation=after["generation"] - 1)
    assert keys.show("updated") == after
    with pytest.raises(Failed, match="INVALID"):
        keys.detail("KEY_UPDATE", key="updated")


@pytest.mark.parametrize("bad", [
    attributes(b="1", a="2"), attributes(a="1") * 2, attributes(A="1"), attributes(**{"a b": "1"}), attributes(**{"": "1"}), attributes(**{"x" * 65: "1"}),
    attributes(a="v" * 257), attributes(a="\n"), b"\0\1a\0\1\xff", b"\0", b"\0\1a", attributes(**{f"n{i:02}": "" for i in range(65)}),
])
def test_attributes_that_break_the_rules_are_refused(keys, bad):
    if "attributed" not in {k["name"] for k in keys.ask("KEY_LIST", search="attributed")["items"]}:
        keys.create("attributed", "ED25519")
    before = keys.show("attributed")
    with pytest.raises(Failed, match="INVALID: attributes are at most"):
        keys.detail("KEY_UPDATE", key="attributed", has_attributes=True, attributes=bad)
    assert keys.show("attributed") == before


def test_the_most_that_a_key_can_say_about_itself(keys):
    """64 attributes, the longest description, tags to their bound: it is stored, shown and listed."""
    keys.create("full", "ED25519")
    most = attributes(**{f"n{i:02}": "v" * 121 for i in range(64)})
    tags = texts(*[f"{i:03}" + "t" * 124 for i in range(31)])
    after = keys.detail("KEY_UPDATE", key="full", has_attributes=True, attributes=most, has_tags=True, tags=tags, has_description=True, description="d" * 1024)
    assert after == keys.show("full") and after["attributes"] == most
    assert keys.ask("KEY_LIST", search="FULL", tags=texts("000" + "t" * 124))["items"] == [after]


def test_search_and_filters_add_up(keys):
    for i in range(6):
        keys.create(f"Find.me-{i}", "ED25519" if i % 2 else "EC_P256", tags=texts("found", f"n{i % 3}"))
    names = [k["name"] for k in keys.ask("KEY_LIST", search="find.ME")["items"]]
    assert names == [f"Find.me-{i}" for i in reversed(range(6))]
    page = keys.ask("KEY_LIST", search="me-", tags=texts("found"), algorithm=ALG["ED25519"], per_page=2, page=1)
    assert page["total"] == 3 and page["has_more"] and [k["name"] for k in page["items"]] == ["Find.me-5", "Find.me-3"]
    assert keys.ask("KEY_LIST", search="find", tags=texts("n1", "found"))["total"] == 2
    assert keys.ask("KEY_LIST", search="findme")["total"] == 0
    keys.detail("KEY_REVOKE", key="Find.me-0")
    assert keys.ask("KEY_LIST", search="find.me", state=STATE["REVOKED"])["total"] == 1
    keys.detail("KEY_UPDATE", key="Find.me-1", has_tags=True, tags=texts("gone"))
    assert keys.ask("KEY_LIST", search="find.me", tags=texts("found"))["total"] == 5


def test_signatures_are_refused_by_the_wrong_key(keys):
    keys.create("wrong-a", "RSA_2048")
    keys.create("wrong-b", "RSA_2048")
    signature = keys.sign("wrong-a", b"m")
    assert not keys.verify("wrong-b", b"m", signature)
    with pytest.raises(InvalidSignature):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        keys.load_public("wrong-b").verify(signature, b"m", pss, hashes.SHA256())
