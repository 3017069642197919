"""The test CA and the certificate profiles: one good, the others each wrong in one way."""

import datetime
import ipaddress
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .keys import private_pem, write_private

GOOD = "good"
BAD_PROFILES = (
    "unknown_ca", "expired", "not_yet_valid", "wrong_name", "self_signed", "client_only", "weak_key", "tls10")
DAY = datetime.timedelta(days=1)


def common_name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def alternative_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def builder(subject, issuer, public_key, start, end):
    return (x509.CertificateBuilder().subject_name(common_name(subject)).issuer_name(common_name(issuer))
            .public_key(public_key).serial_number(x509.random_serial_number())
            .not_valid_before(start).not_valid_after(end))


def key_usage(authority):
    return x509.KeyUsage(digital_signature=not authority, content_commitment=False, key_encipherment=False,
                         data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
                         encipher_only=False, decipher_only=False)


class Authority:
    """A certificate authority with its own key."""

    def __init__(self, name):
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        public = self.key.public_key()
        self.certificate = (
            builder(name, name, public, now - DAY, now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.key, hashes.SHA256()))

    def issue(self, public_key, names, start, end, usage=ExtendedKeyUsageOID.SERVER_AUTH):
        return (builder(names[0], self.name, public_key, start, end)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(key_usage(False), critical=True)
                .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                .add_extension(x509.SubjectAlternativeName([alternative_name(n) for n in names]), critical=False)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                               critical=False)
                .sign(self.key, hashes.SHA256()))


def self_signed(key, names, start, end):
    return (builder(names[0], names[0], key.public_key(), start, end)
            .add_extension(x509.SubjectAlternativeName([alternative_name(n) for n in names]), critical=False)
            .sign(key, hashes.SHA256()))


class Certificates:
    """Makes everything at the start and leaves the CA's certificate as `ca_file` for the clients."""

    def __init__(self, directory, names):
        self.directory = directory
        self.names = names
        self.now = datetime.datetime.now(datetime.UTC)
        self.authority = Authority("Local Cognito test CA")
        self.ca_file = os.path.join(directory, "ca.pem")
        write_private(self.ca_file, pem(self.authority.certificate))
        os.chmod(self.ca_file, 0o644)

    def context(self, profile):
        """A server-side context of that profile; None where this OpenSSL cannot play it."""
        weak = profile == "weak_key"
        key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(profile, key)
        path = os.path.join(self.directory, f"tls-{profile}.pem")
        write_private(path, private_pem(key) + pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if weak:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = remember_name
        return context if profile != "tls10" else only_tls10(context)

    def _certificate(self, profile, key):
        public, now = key.public_key(), self.now
        start, end = now - DAY, now + 90 * DAY
        if profile == "unknown_ca":
            return Authority("Another CA").issue(public, self.names, start, end)
        if profile == "self_signed":
            return self_signed(key, self.names, start, end)
        if profile == "expired":
            start, end = now - 30 * DAY, now - DAY
        if profile == "not_yet_valid":
            start, end = now + DAY, now + 30 * DAY
        names = ["wrong.example.net", "192.0.2.1"] if profile == "wrong_name" else self.names
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if profile == "client_only" else ExtendedKeyUsageOID.SERVER_AUTH
        return self.authority.issue(public, names, start, end, usage)


def remember_name(sock, name, _context):
    """For the log: the server name that the peer asked for."""
    sock.asked_name = name


def only_tls10(context):
    """TLS 1.0 and nothing newer."""
    try:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1
    except (ssl.SSLError, ValueError):
        return None
    return context


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
