"""Downloads uv, in the version and with the hash that uv.lock has.

    python tools/download_uv.py FOLDER

Puts the program into FOLDER. For a machine that has neither uv nor pip: it runs in Python 3.6 as
well, without packages.
"""

import hashlib
import io
import platform
import re
import ssl
import sys
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "uv.lock"
WHEELS = {
    ("Linux", "x86_64"): "manylinux_2_17_x86_64",
    ("Linux", "aarch64"): "manylinux_2_17_aarch64",
    ("Darwin", "arm64"): "macosx_11_0_arm64",
    ("Darwin", "x86_64"): "macosx_10_12_x86_64",
}


def download(folder: Path) -> None:
    """Write uv into `folder`."""
    tag = WHEELS[platform.system(), platform.machine()]
    wheel = r'url = "([^"]+/uv-[^"]+-py3-none-' + tag + r'[^"]*\.whl)", hash = "sha256:(\w+)"'
    [(url, digest)] = re.findall(wheel, LOCK.read_text(encoding="utf-8"))
    # Python 3.13 refuses certificates of many companies' proxies for their form. uv accepts them.
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with urllib.request.urlopen(url, timeout=60, context=context) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != digest:
        raise OSError(f"{url} is not what uv.lock says")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        [name] = (each for each in archive.namelist() if each.endswith("/scripts/uv"))
        program = archive.read(name)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "uv.part"
    part.write_bytes(program)
    part.chmod(0o755)
    part.replace(folder / "uv")  # Whole or not at all.


if __name__ == "__main__":
    try:
        download(Path(sys.argv[1]))
    except KeyError:
        sys.exit(f"There is no uv for {platform.system()} {platform.machine()}.")
    except (OSError, HTTPException) as error:  # The latter if the connection breaks.
        sys.exit(f"uv could not be downloaded: {error}")
