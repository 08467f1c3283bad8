"""tools/download_uv.py, with a local server in PyPI's place."""

import hashlib
import io
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools import download_uv

REPO = Path(__file__).parents[2]
TAGS = download_uv.WHEELS.values()


def wheel() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "the program")
    return file.getvalue()


class Index:
    """A server that sends `sent` of the `content` that it promises."""

    def __init__(self, certificate: Path | None = None):
        self.content = self.sent = wheel()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(index.content)))
                self.end_headers()
                self.wfile.write(index.sent)

            def log_message(self, *_):
                """Keeps the test's output clean."""

        self.server, self.scheme = HTTPServer(("127.0.0.1", 0), Handler), "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def write_lock(self, folder: Path) -> Path:
        """Writes a uv.lock with this server's addresses and the content's hash."""
        digest, start = hashlib.sha256(self.content).hexdigest(), f"{self.scheme}://127.0.0.1"
        lines = (
            f'{{ url = "{start}:{self.server.server_port}/uv-1-py3-none-{tag}.whl", '
            f'hash = "sha256:{digest}", size = 1 }},\n'
            for tag in TAGS
        )
        lock = folder / "uv.lock"
        lock.write_text("".join(lines))
        return lock

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def index():
    served = Index()
    yield served
    served.close()


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "tools").mkdir()
    shutil.copy(REPO / "tools/download_uv.py", folder / "tools")
    return subprocess.run(
        [sys.executable, "tools/download_uv.py", ".uv"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_program_is_there_and_can_be_run(index, tmp_path):
    index.write_lock(tmp_path)
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / ".uv/uv").read_text() == "the program"
    assert os.access(tmp_path / ".uv/uv", os.X_OK)


@pytest.mark.parametrize("sent", [wheel()[:50], wheel()[::-1]], ids=["cut off", "another"])
def test_what_is_incomplete_or_another_is_one_line_and_no_program(index, tmp_path, sent):
    index.write_lock(tmp_path)
    index.sent = sent
    done = run(tmp_path)
    assert done.returncode == 1 and not (tmp_path / ".uv").exists()
    assert done.stderr.startswith("uv could not be downloaded: ")
    assert len(done.stderr.splitlines()) == 1


def write_certificates(server: Path, authority: Path) -> None:
    """Makes those of a company's proxy; the authority's basic constraints are not critical."""
    now, pem = datetime.now(UTC), serialization.Encoding.PEM
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)])
        for each in ("A company's proxy", "127.0.0.1")
    ]
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key())
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    made = []
    wanted = [constraints], [address, identifier]
    for name, key, extensions in zip(names, keys, wanted, strict=True):
        builder = x509.CertificateBuilder(
            names[0], name, key.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(pem))
    authority.write_bytes(made[0])
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    server.write_bytes(keys[1].private_bytes(pem, *form) + made[1])


def test_a_proxys_certificate_that_only_strict_checks_refuse_is_accepted(tmp_path, monkeypatch):
    server, authority = tmp_path / "server.pem", tmp_path / "authority.pem"
    write_certificates(server, authority)
    default = ssl.create_default_context

    def as_in_python_3_13(*args, **options):
        context = default(*args, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_in_python_3_13)
    monkeypatch.setattr(ssl, "_create_default_https_context", as_in_python_3_13)
    index = Index(server)
    try:
        monkeypatch.setattr(download_uv, "LOCK", index.write_lock(tmp_path))
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            download_uv.download(tmp_path / "unknown")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        download_uv.download(tmp_path / "known")
    finally:
        index.close()
    assert (tmp_path / "known/uv").read_text() == "the program"
