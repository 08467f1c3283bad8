"""A server that gives the web service's page what a test wants it to see: jobs go on when the test
says so, and what the page sends can be refused."""

import email
import io
import json
import threading
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from PIL import Image

from styletransfer.gallery.page import SHARED
from styletransfer.paths import PROGRAM
from styletransfer.settings import Settings
from styletransfer.web.gate import POLICY
from styletransfer.web.pages import templates

WEB = PROGRAM / "styletransfer" / "web"
TYPES = {".css": "text/css", ".js": "text/javascript"}
PICTURES = {"photo": "red", "result": "blue", "preview": "purple", "thumbnail": "blue"}
ACTIVE = ("queued", "painting")
CONTEXT = {
    "user_logged_in": True,
    "qualities": [{"name": name, "size": 512} for name in ("draft", "fine", "print")],
    "usual": Settings(strength=0.7),
    "most": {"upload_bytes": 2_000_000, "blended": 8},
    "accept": ".jpg,.jpeg,.png,.webp,.tiff,.heic",
}


def jpeg(colour, size=(96, 64)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


class PageServer:
    """What the page asks for, as the test has set it. password: empty, where nobody must log in."""

    def __init__(self, password=""):
        self.password = password
        self.pictures = {kind: jpeg(colour) for kind, colour in PICTURES.items()}
        self.jobs, self.by_key, self.received, self.streams = {}, {}, [], []
        self.refusals = {}  # (method, path) → (status, detail, Retry-After), for the next request
        self.paintings = [
            {"name": f"{name}.jpg", "thumbnail": "/picture/thumbnail", "uploaded": name == "mine"}
            for name in ("mosaic", "waves", "mine")
        ]
        single = {"paintings": [{"name": "mosaic.jpg", "share": 1.0}], "settings": {}}
        self.looks = [{"name": "mosaic", "thumbnail": "/picture/thumbnail", **single}]
        self.gallery = []
        self.news = threading.Condition()
        self.port = 0
        self.start()

    def start(self):
        handler = type("Bound", (_Handler,), {"page": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.address = f"http://127.0.0.1:{self.port}"
        self._up = True
        run = {"poll_interval": 0.02}
        threading.Thread(target=self._server.serve_forever, kwargs=run, daemon=True).start()

    def stop(self):
        """Goes away, with all connections; `start` brings it back under the same address."""
        with self.news:
            self._up = False
            self.news.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def add(self, photo, look, paintings, quality="fine", settings=None, **changes):
        number = len(self.jobs) + 1
        link = f"/api/jobs/j{number}"
        job = {
            **{"id": f"j{number}", "photo": photo, "look": look, "paintings": paintings},
            **{"quality": quality, "settings": settings or {}, "state": "queued", "place": 1},
            **dict.fromkeys(("step", "steps", "fraction", "seconds_left", "started", "error")),
            **dict.fromkeys(("finished", "network", "width", "height")),
            "created": f"2026-11-20T10:00:{number:02d}+00:00",
            "links": {"self": link, "events": f"{link}/events", "cancel": f"{link}/cancel"}
            | {"photo": "/picture/photo", "preview": None, "result": None},
        }
        self.jobs[job["id"]] = job | changes
        self._place()
        return self.jobs[job["id"]]

    def go_on(self, number, **changes):
        """Changes a job, as its worker would, and sends the news."""
        job = self.jobs[f"j{number}"]
        if "step" in changes:
            job["links"]["preview"] = "/picture/preview"
        if changes.get("state") == "done":
            job["links"]["result"] = "/picture/result"
            job |= {"width": 96, "height": 64, "finished": "2026-11-20T10:02:00+00:00"}
        with self.news:
            job |= changes
            self._place()
            self.news.notify_all()

    def _place(self):
        waiting = [each for each in self.jobs.values() if each["state"] == "queued"]
        for place, each in enumerate(waiting, 1):
            each["place"] = place

    def wait_for_change(self, seen):
        """The jobs that are not as in `seen` (texts by id); waits for one up to half a second. None
        when the server goes away."""
        with self.news:
            changed = lambda: {  # noqa: E731
                each["id"]: text
                for each in self.jobs.values()
                if (text := json.dumps(each)) != seen.get(each["id"])
            }
            self.news.wait_for(lambda: changed() or not self._up, 0.5)
            return changed() if self._up else None


class _Handler(BaseHTTPRequestHandler):
    page: PageServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, page = urlsplit(self.path).path, self.page
        if path.startswith("/static/"):
            name = path.removeprefix("/static/")
            folder = SHARED.parent if name.startswith("shared/") else WEB / "static"
            self._send(200, (folder / name).read_bytes(), TYPES[Path(name).suffix])
        elif path == "/login":
            self._render("login.html", error=None, next="/")
        elif page.password and "session=yes" not in self.headers.get("Cookie", ""):
            if path.startswith("/api/"):
                self._json(401, {"detail": "log in first"})
            else:
                self._send(303, b"", "text/html", Location="/login")
        elif path in ("/", "/gallery"):
            self._render("index.html" if path == "/" else "gallery.html")
        elif path.startswith("/picture/"):
            if not self._refused("GET", path):
                self._send(200, page.pictures[path.split("/")[2]], "image/jpeg")
        elif path == "/api/events":
            self._stream()
        elif not self._refused("GET", path):
            self._json(*self._answer(path))

    def _answer(self, path):
        page = self.page
        if path == "/api/gallery":
            first = 48 * (int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0]) - 1)
            more = (
                f"/api/gallery?page={first // 48 + 2}" if first + 48 < len(page.gallery) else None
            )
            return 200, {"items": page.gallery[first : first + 48], "next": more}
        answers = {
            "/api/looks": page.looks,
            "/api/paintings": page.paintings,
            "/api/jobs": {"jobs": list(page.jobs.values())[::-1]},
            "/api/estimate": {"draft": 9, "fine": 70, "print": 1500},
            "/api/system": {"device": "the CPU", "ready": True},
        }
        job = page.jobs.get(path.removeprefix("/api/jobs/"))
        return (200, job) if job else (200, answers[path]) if path in answers else (404, {})

    def do_DELETE(self):
        name = unquote(urlsplit(self.path).path.removeprefix("/api/paintings/"))
        self.page.paintings = [each for each in self.page.paintings if each["name"] != name]
        self._send(204, b"", "application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        path, page = urlsplit(self.path).path, self.page
        if path == "/login":
            self._log_in(parse_qs(body.decode()))
            return
        if page.password and "session=yes" not in self.headers.get("Cookie", ""):
            self._json(401, {"detail": "log in first"})
        elif self._refused("POST", path):
            pass
        elif path == "/logout":
            gone = {"Set-Cookie": "session=no; Path=/"}
            self._send(303, b"", "text/html", Location="/login", **gone)
        elif path == "/api/jobs":
            self._json(202, self._order(*self._parsed(body)))
        elif path == "/api/paintings":
            name = self._parsed(body)[1]
            added = {"name": name, "thumbnail": "/picture/photo", "uploaded": True}
            page.paintings.append(added)
            self._json(201, added)
        else:
            number = int(path.split("/")[-2][1:])
            page.go_on(number, state="cancelled")
            self._json(202, page.jobs[f"j{number}"])

    def _refused(self, method, path):
        """Refuses a request, where the test says so."""
        if (method, path) not in self.page.refusals:
            return False
        status, detail, after = self.page.refusals.pop((method, path))
        self._json(status, {"detail": detail}, **({"Retry-After": str(after)} if after else {}))
        return True

    def _order(self, request, photo):
        page, key = self.page, self.headers["Idempotency-Key"]
        page.received.append(request | {"photo": photo})
        if key not in page.by_key:
            given = request.get("paintings") or {f"{request['look']}.jpg": 1.0}
            paintings = [{"name": name, "share": share} for name, share in given.items()]
            photo = photo or page.jobs[request["again"]]["photo"]
            chosen = (request.get("quality"), request.get("settings"))
            page.by_key[key] = page.add(photo, request.get("look"), paintings, *chosen)["id"]
        return page.jobs[page.by_key[key]]

    def _parsed(self, body):
        """The request, and the name of the file that came with it."""
        kind = self.headers["Content-Type"]
        if kind == "application/json":
            return json.loads(body), None
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parts = email.message_from_bytes(head + body, policy=policy.HTTP).iter_parts()
        fields = {each.get_param("name", header="Content-Disposition"): each for each in parts}
        request = json.loads(fields["request"].get_content()) if "request" in fields else {}
        return request, (fields.get("photo") or fields["file"]).get_filename()

    def _log_in(self, fields):
        if fields["password"] == [self.page.password]:
            cookie = {"Set-Cookie": "session=yes; HttpOnly; SameSite=Strict; Path=/"}
            self._send(303, b"", "text/html", Location="/", **cookie)
        else:
            self._render("login.html", 401, error="That is not the password.", next="/")

    def _stream(self):
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        seen = {}
        try:
            self.wfile.write(b"retry: 500\n\n")
            while (changed := self.page.wait_for_change(seen)) is not None:
                self.wfile.write(b": heartbeat\n\n")
                for each in changed.values():
                    self.wfile.write(f"event: job\ndata: {each}\n\n".encode())
                self.wfile.flush()
                seen |= changed
        except OSError:
            return  # The browser has left.

    def _render(self, name, status=200, **context):
        text = templates.get_template(name).render(**CONTEXT, **context)
        self._send(status, text.encode(), "text/html; charset=utf-8")

    def _json(self, status, content, **headers):
        self._send(status, json.dumps(content).encode(), "application/json", **headers)

    def _send(self, status, content, kind, **headers):
        self.send_response(status)
        named = {"Content-Type": kind, "Content-Length": str(len(content)), **headers}
        for name, value in {"Content-Security-Policy": POLICY, **named}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
