"""Who signs: a chain of certificates and the private key of the first one, both in PEM."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dubtool.errors import UsageError
from dubtool.media.spool import read_whole
from dubtool.provenance.extra import require_extra

CERT, KEY = "DUBTOOL_SIGN_CERT", "DUBTOOL_SIGN_KEY"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Credentials:
    """chain: certificates, the signer's first. key: PKCS#8. algorithm: as C2PA names it. subject: who signs."""

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    subject: str


def credentials(options: Mapping[str, Any]) -> Credentials | None:
    """Those that the options `sign` and `key` name, else the variables; None where nobody is to sign.

    Raises:
        UsageError: one of the two is missing, they do not belong together, cannot be used, or the extra is not there.
        InputError: a file cannot be read.
    """
    certificate = options.get("sign") or os.environ.get(CERT) or None
    key = options.get("key") or os.environ.get(KEY) or None
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = f"--key FILE or ${KEY}" if key is None else f"--sign CERT or ${CERT}"
        raise UsageError(f"signing takes a certificate and its key: give {missing}, too")
    require_extra("signing")
    return _loaded(Path(certificate), Path(key))


def _loaded(certificate: Path, key: Path) -> Credentials:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    told, secret = read_whole(certificate), read_whole(key)
    try:
        chain = x509.load_pem_x509_certificates(told)
    except ValueError as error:
        raise UsageError(f"{certificate} holds no certificates in PEM: give the signer's and those above it") from error
    try:
        private: Any = serialization.load_pem_private_key(secret, None)
    except TypeError as error:
        raise UsageError(f"{key} is locked by a password: give a key without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{key} holds no private key in PEM that can be used") from error
    first = chain[0]
    try:
        public: Any = first.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{certificate}: its first certificate is of no kind that can sign") from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if public.public_bytes(*form) != private.public_key().public_bytes(*form):
        raise UsageError(f"{key} is not the key of the first certificate in {certificate}")
    now = datetime.now(UTC)
    begin, end = first.not_valid_before_utc, first.not_valid_after_utc
    if not begin <= now <= end:
        raise UsageError(
            f"{certificate} is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}: give one that is valid today"
        )
    plain = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Credentials(told, plain, _algorithm(private, key), first.subject.rfc4514_string())


def _algorithm(private: Any, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        return _CURVES[private.curve.name]
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return "ps256"
    raise UsageError(f"{path}: C2PA signs by P-256, P-384, P-521, Ed25519, or RSA of 2048 bits and more")
