"""Certificates and keys for TLS tests, by the `cryptography` package."""
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FORMS = {"pkcs8": serialization.PrivateFormat.PKCS8, "traditional": serialization.PrivateFormat.TraditionalOpenSSL}
KINDS = {
    "ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
}


def key_pem(key, form="pkcs8", password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, FORMS[form], how)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def sha256(certificate):
    return certificate.fingerprint(hashes.SHA256())


def issue(name, key, by=None, ca=False, usage=None, days=(-1, 1), serial=None):
    """A certificate for key; by=(certificate, key) of its issuer, None: itself. days: from, to, relative to now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = (by[0].subject, by[1]) if by else (subject, key)
    b = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name).public_key(key.public_key())
         .serial_number(serial or x509.random_serial_number())
         .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
         .add_extension(x509.BasicConstraints(ca, None), critical=True)
         .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
         .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
    if by:
        b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    if not ca:
        b = b.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]), critical=False)
    if usage:
        b = b.add_extension(x509.ExtendedKeyUsage([getattr(ExtendedKeyUsageOID, u) for u in usage]), critical=False)
    return b.sign(issuer_key, None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def authority(name="test authority", **more):
    key = KINDS["ec-p256"]()
    return issue(name, key, ca=True, **more), key


def put_server_pair(hsm, kind="ec-p256", form="pkcs8", ca=None):
    """A new certificate and key in the places that holdfast.conf names; gives (ca, certificate). The CA file follows."""
    ca = ca or authority()
    key = KINDS[kind]()
    certificate = issue("server", key, by=ca, usage=["SERVER_AUTH"])
    tls = hsm.data / "tls"
    (tls / "server.pem").write_bytes(pem(certificate))
    (tls / "server-key.pem").write_bytes(key_pem(key, form))
    (tls / "ca.pem").write_bytes(pem(ca[0]))
    return ca, certificate
