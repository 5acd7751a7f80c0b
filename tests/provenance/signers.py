"""Certificates made on the spot: an authority, and signers whose certificates C2PA takes or refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Signer:
    """chain: the signer's certificate and the authority's; key: of the signer; authority: its certificate alone."""

    chain: Path
    key: Path
    authority: Path


def make_signer(
    folder: Path,
    name: str = "signer",
    *,
    days: tuple[int, int] = (-1, 30),
    may_sign: bool = True,
    edwards: bool = False,
) -> Signer:
    """Files of a signer. days: from and to, from today on. may_sign: its certificate is for signing documents."""
    top, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    key: Any = ed25519.Ed25519PrivateKey.generate() if edwards else own
    authority = _certificate("Test Authority", top.public_key(), "Test Authority", top, top, (-2, 60), None)
    usage = ExtendedKeyUsageOID.EMAIL_PROTECTION if may_sign else ExtendedKeyUsageOID.CLIENT_AUTH
    certificate = _certificate("Test Signer", key.public_key(), "Test Authority", top, top, days, usage)
    chain, secret, alone = (folder / f"{name}{end}" for end in (".pem", ".key", ".authority.pem"))
    form = serialization.Encoding.PEM
    chain.write_bytes(certificate.public_bytes(form) + authority.public_bytes(form))
    alone.write_bytes(authority.public_bytes(form))
    old = serialization.PrivateFormat.PKCS8 if edwards else serialization.PrivateFormat.TraditionalOpenSSL
    secret.write_bytes(key.private_bytes(form, old, serialization.NoEncryption()))
    return Signer(chain, secret, alone)


def _certificate(
    subject: str, public: Any, issuer: str, issuer_key: Any, key: Any, days: tuple[int, int], usage: Any
) -> x509.Certificate:
    today, end = datetime.now(UTC), usage is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + timedelta(days[0]))
        .not_valid_after(today + timedelta(days[1]))
        .add_extension(x509.BasicConstraints(ca=not end, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(end, False, False, False, False, not end, not end, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if end:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    names = (NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, "Test Studio")
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
