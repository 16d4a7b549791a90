"""An upstream that says everything it should not: keys, tokens, cookies and links, in every envelope there is."""

import base64
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.gallery import picture

# What it leaks, by name; {} is where the canary sings. Each is said in a message, and in a body that is evidence.
FORMS: dict[str, str] = {
    "vendor key": "Incorrect API key provided: sk-proj-{}A1b2C3d4.",
    "bearer": "the header was 'Authorization: Bearer {}.A1b2C3d4'",
    "bearer in prose": "sent Bearer {}-A1b2C3d4 upstream",
    "jwt": "token eyJhbGciOiJIUzI1NiJ9.eyJ{}.A1b2C3d4e5f6 has expired",
    "google key": "https://generativelanguage.test/v1?key=AIza{}A1b2C3d4e5f6",
    "aws id": "credential AKIA{}XX is unknown",
    "json member": 'upstream said {{"api_key": "{}"}}',
    "json in json": '{{\\"outer\\": \\"{{\\\\\\"secret_key\\\\\\": \\\\\\"{}\\\\\\"}}\\"}}',
    "python repr": "ValueError: {{'password': '{}', 'user': 'x'}}",
    "dart map": "headers: x-api-key: {}-A1b2C3",
    "amz signature": "https://bucket.s3.test/a.mp4?X-Amz-Algorithm=A&X-Amz-Signature={}&X-Amz-Expires=60",
    "amz credential": "GET /a.mp4?X-Amz-Credential={}%2F20261125%2Fus&x=1 gave 403",
    "oss signature": "http://b.oss-cn.test/a.png?OSSAccessKeyId=LTAIx&Signature={}%3D&Expires=1",
    "tos token": "https://tos.test/a?x-tos-security-token={}&y=1",
    "link token": "callback https://hooks.test/done?token={} failed",
    "access token": "see https://api.test/x#access_token={}&type=bearer",
    "escaped ampersand": "https://cdn.test/a?a=1\\u0026signature={}\\u0026b=2",
    "user in address": "proxy http://user:{}@10.0.0.8:3128 refused",
    "dsn": "could not connect to postgresql://app:{}@db.internal:5432/prod",
    "cookie": "Cookie: session={}; theme=dark",
    "set cookie": "Set-Cookie: sid={}; HttpOnly",
    "digest": 'Authorization: Digest username="x", realm="y", response="{}"',
    "replicate key": "r8_{}A1b2C3d4 is revoked",
    "fal key": "fal-{}A1b2C3d4e5f6 is revoked",
    "gateway key": "ct_live_ab12cd34_{}A1b2C3d4",
    "xai key": "xai-{}A1b2C3d4e5 is over its limit",
    "data uri": "image data:image/png;base64,iVBORw0KGgo{}AAAAAAAAAAAAAAAAAAAAAAAA is corrupt",
    "client secret": "POST /oauth?client_secret={}&grant_type=x",
    "refresh token": '"refresh_token":"{}"',
}


class _Server(ThreadingHTTPServer):
    """Takes all of a worker's connections at once: of more than five, the usual one drops some after their request."""

    request_queue_size = 128


class Leaky:
    """Serves the dialect of OpenAI's videos; a prompt `leak NAME` chooses what it says, and `at` when."""

    def __init__(self, canary: Callable[[str], str]):
        self._canary = canary
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Be gone."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def words(self, name: str, credential: str) -> str:
        """What it says; `echo` forms repeat the very credential that it was sent."""
        echoes = {
            "echo": credential,
            "echo in base64": base64.b64encode(credential.encode()).decode(),
            "echo in basic": "Basic " + base64.b64encode(f"x:{credential}".encode()).decode(),
            "echo in json": json.dumps(json.dumps(credential)),
            "echo in a link": "https://a.test/x?q=" + credential.replace("/", "%2F").replace("+", "%2B"),
        }
        return echoes[name] if name in echoes else FORMS[name].format(self._canary(name))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        leaky = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0)).decode("utf-8", "replace")
                found = re.search(r"leak ([a-z ]+) at ([a-z]+)", body)
                name, at = (found[1], found[2]) if found else ("vendor key", "once")
                credential = self.headers["authorization"].removeprefix("Bearer ")
                said = leaky.words(name, credential)
                if at == "once":
                    error = {"message": said, "code": said[:150], "type": "invalid_request_error"}
                    self._say(400, {"error": error})
                elif at == "later":
                    self._say(200, {"id": name.replace(" ", "_"), "status": "queued", "note": said})

            def do_GET(self) -> None:
                if self.path.startswith("/image.png"):
                    self._send(200, picture(size=(1280, 720)), "image/png")
                    return
                if not self.path.startswith("/v1/videos/"):
                    self._say(404, {"error": {"message": "nothing here"}})
                    return
                name = self.path.split("/")[3].replace("_", " ")
                said = leaky.words(name, self.headers["authorization"].removeprefix("Bearer "))
                link = f"https://cdn.test/{leaky._canary('path of a link')}/a.mp4"
                error = {"message": said, "code": "video_generation_failed"}
                self._say(200, {"id": name, "status": "failed", "error": error, "preview": link})

            def log_message(self, *_: object) -> None:
                return

            def _say(self, status: int, body: dict[str, object]) -> None:
                self._send(status, json.dumps(body).encode(), "application/json")

            def _send(self, status: int, content: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.send_header("x-request-id", f"sk-{leaky._canary('request id header')}-A1b2C3d4e5")
                self.send_header("set-cookie", f"sid={leaky._canary('cookie header')}; HttpOnly")
                self.end_headers()
                self.wfile.write(content)

        return Handler
