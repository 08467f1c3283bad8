"""Paints the photos that a workflow of immich names, and uploads the pictures to immich.

Set IMMICH (http://…:2283/api), IMMICH_KEY, PAINTERLY (the address), PAINTERLY_TOKEN, and SECRET,
the header X-Secret of the workflow. It listens on port 8090. See README.md.
"""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import requests

IMMICH, KEY = os.environ["IMMICH"], {"x-api-key": os.environ["IMMICH_KEY"]}
PAINTERLY, TOKEN = os.environ["PAINTERLY"], os.environ["PAINTERLY_TOKEN"]
SECRET, STYLE = os.environ["SECRET"], "hokusai"


def paint(asset: dict[str, Any]) -> None:
    """Paint an asset, and upload the picture next to it."""
    photo = requests.get(f"{IMMICH}/assets/{asset['id']}/original", headers=KEY, timeout=60).content
    while True:
        answer = requests.post(
            f"{PAINTERLY}/api/paint",
            headers={"Authorization": f"Bearer {TOKEN}"},
            files={"photo": (asset["originalFileName"], photo)},
            data={"style": STYLE, "size": 2048, "format": "jpg"},
            timeout=90,
        )
        if answer.status_code != 503:
            break
        time.sleep(int(answer.headers["Retry-After"]))
    answer.raise_for_status()
    taken = asset["fileCreatedAt"]
    requests.post(
        f"{IMMICH}/assets",
        headers=KEY,
        data={"fileCreatedAt": taken, "fileModifiedAt": taken},
        files={"assetData": (f"{STYLE} {asset['originalFileName']}.jpg", answer.content)},
        timeout=60,
    ).raise_for_status()


class Hook(BaseHTTPRequestHandler):
    """The workflow's last step calls this."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204 if self.headers["X-Secret"] == SECRET else 403)
        self.end_headers()
        asset = event["data"]["asset"]
        if self.headers["X-Secret"] == SECRET and not asset["originalFileName"].startswith(STYLE):
            paint(asset)


if __name__ == "__main__":
    HTTPServer(("", 8090), Hook).serve_forever()
