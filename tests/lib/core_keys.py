"""Key operations by core's own messages, without gateway and JSON: what a client asks for, as numbers and bytes."""
import os
import re
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from proto import ERR, ROOT

ERROR_NAMES = {number: name for name, number in ERR.items()}


def numbers(prefix):
    text = (ROOT / "src/base/names.h").read_text()
    return {name: int(number) for name, number in re.findall(rf"{prefix}(\w+) = (\d+)", text)}


ALG, SCHEME, HASH, STATE, ORIGIN = (numbers(p) for p in ("HF_ALG_", "HF_SCHEME_", "HF_HASH_", "HF_STATE_", "HF_ORIGIN_"))
SIGN, VERIFY, ENCRYPT, DECRYPT, ENCAPSULATE, DECAPSULATE, IMPORT = (1 << i for i in range(7))
GENERATED = [name for name in ALG if name != "NONE"]


class Failed(Exception):
    """What core answered instead: the error's name, its sentence, and after how many seconds to retry."""

    def __init__(self, values):
        super().__init__(f"{ERROR_NAMES[values['error']]}: {values['detail']}")
        self.error, self.detail, self.retry_after = ERROR_NAMES[values["error"]], values["detail"], values["retry_after_s"]


def texts(*items):
    return b"".join(struct.pack(">H", len(i.encode())) + i.encode() for i in items)


def attributes(**pairs):
    """As the messages carry them; names as they are given, so that a test may break the order."""
    return b"".join(texts(name, value) for name, value in pairs.items())


def wrap(spki, plain, alg="RSA", kek=None):
    """The envelope of a wrapped import, made by `cryptography`."""
    kek = os.urandom(32) if kek is None else kek
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    return load_der_public_key(spki).encrypt(kek, oaep) + aes_key_wrap_with_padding(kek, plain)


class Keys:
    """One actor at one gateway channel of a rig."""

    def __init__(self, rig, actor="admin", role="administrator", gateway=None):
        self.rig, self.gateway = rig, gateway or rig.gateway
        self.token = rig.token(actor, role)

    def ask(self, message, /, timeout=20, **values):
        name, answer = self.rig.ask(message, token=self.token, gateway=self.gateway, timeout=timeout, **values)
        if name == "FAILED":
            raise Failed(answer)
        return answer

    def ask_served(self, message, /, **values):
        """Of requests for which core needs its supervisor, which is the test."""
        channel = self.gateway
        ident, channel.next_id = channel.next_id, channel.next_id + 1
        channel.send(message, ident=ident, token=self.token, request_id="test", **values)
        for _ in range(4000):
            self.rig.pump(0.005)
            try:
                name, got, answer, _ = channel.receive(0)
            except TimeoutError:
                continue
            if got == ident:
                if name == "FAILED":
                    raise Failed(answer)
                return answer
        raise TimeoutError(message)

    def detail(self, message, /, **values):
        return self.ask(message, **values)["info"][0]

    def create(self, name, algorithm, usage=0, tags=b"", **values):
        return self.detail("KEY_CREATE", name=name, algorithm=ALG[algorithm], usage=usage, tags=tags, **values)

    def show(self, key):
        return self.detail("KEY_SHOW", key=key)

    def rotate(self, key, **values):
        return self.detail("KEY_ROTATE", key=key, **values)

    def public(self, key, version=0):
        return self.ask("KEY_PUBLIC", key=key, version=version)["spki"]

    def load_public(self, key, version=0):
        return load_der_public_key(self.public(key, version))

    def sign(self, key, payload, **values):
        return self.ask("SIGN", key=key, payload=payload, **values)["signature"]

    def verify(self, key, payload, signature, **values):
        return self.ask("VERIFY", key=key, payload=payload, signature=signature, **values)["valid"]

    def encrypt(self, key, plaintext, aad=b""):
        return self.ask("ENCRYPT", key=key, plaintext=plaintext, associated_data=aad)

    def decrypt(self, key, sealed, aad=b""):
        return self.ask("DECRYPT", key=key, nonce=sealed["nonce"], ciphertext=sealed["ciphertext"], associated_data=aad)["plaintext"]

    def import_public(self, name, spki, **values):
        return self.detail("KEY_IMPORT", name=name, form=1, public=spki, **values)

    def import_wrapped(self, name, wrapped, key, **values):
        return self.detail("KEY_IMPORT", name=name, form=2, wrapped=wrapped, wrapping_key=key, **values)
