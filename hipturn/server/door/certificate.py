"""What `--lan --tls` and `--phone` encrypt with: a certificate made here, or one's own.

Nobody vouches for one made here, so the browser warns; its fingerprint is shown to compare. The
library is `cryptography`: `openssl` is absent on Windows, mkcert changes what the computer trusts,
and the certificates of trustme run until the year 3000, which Apple's systems refuse.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

from hipturn.errors import UserError
from hipturn.server.door.link import is_private
from hipturn.session_paths import settings_folder
from hipturn.words import Said
from imu.recording import SessionError
from imu.recording.folder import replace_file

FILE = "page-certificate.pem"
"""Key and certificate together, so that they are replaced together."""
VALID = timedelta(days=397)
"""The most that browsers take of public certificates; Apple's systems take 825 days of any."""
RENEWED = timedelta(days=30)
"""Made anew so long before the end: no session outlives it."""
CLOCK_SLACK = timedelta(days=1)
"""A phone's clock may be behind."""
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a browser sees of this computer."""

    context: ssl.SSLContext
    fingerprint: str
    """SHA-256 of the certificate, in pairs of hexadecimal digits."""


def own_identity(address: str) -> Identity:
    """Return the identity for an address, made when there is none that fits.

    Raises
    ------
    UserError
        When the package is missing, or the certificate cannot be kept.
    """
    path = settings_folder() / FILE
    if not _fits(path, address):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, [_made(address, datetime.now(UTC))])
        except (OSError, SessionError) as error:
            raise UserError(
                f"{path}: the certificate cannot be kept ({error}); set HIPTURN_CONFIG to a folder"
                " of your own"
            ) from None
    return given_identity(path, path)


def given_identity(certificate: Path, key: Path) -> Identity:
    """Return the identity of two PEM files; the server's own certificate comes first.

    Raises
    ------
    UserError
        When they are none, do not belong together, or the key wants a password.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        for path in (certificate, key):
            if not path.is_file() or path.stat().st_size > MAX_BYTES:
                raise UserError(f"{path}: is no PEM file; give a certificate and its key")
        context.load_cert_chain(certificate, key, password=_no_password)
        first = certificate.read_text(encoding="ascii").partition("-----BEGIN CERTIFICATE-----")
        pem = "".join(first[1:]).partition("-----END CERTIFICATE-----")
        der = ssl.PEM_cert_to_DER_cert("".join(pem[:2]))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{certificate} with {key}: cannot be used ({getattr(error, 'reason', None) or error});"
            " give a certificate and its key, both PEM and without a password"
        ) from None
    return Identity(context, hashlib.sha256(der).digest().hex(":").upper())


def _no_password() -> str:
    raise ValueError("the key wants a password")


def _fits(path: Path, address: str) -> bool:
    """Return whether a kept certificate is ours alone, for this address, and not about to end."""
    x509 = _library()
    with contextlib.suppress(OSError, ValueError):
        if not is_private(path):
            return False
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        ours = ipaddress.ip_address(address) in names.get_values_for_type(x509.IPAddress)
        return bool(ours and found.not_valid_after_utc - RENEWED > datetime.now(UTC))
    return False


def _library() -> ModuleType:
    try:
        from cryptography import x509
    except ImportError:
        raise UserError(Said("trouble.no_encryption")) from None
    return x509


def _made(address: str, now: datetime) -> bytes:
    """Return a new key and its certificate, PEM: P-256, signed by itself, for one address."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hipturn on this network")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now - CLOCK_SLACK + VALID)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret + certificate.public_bytes(pem)
