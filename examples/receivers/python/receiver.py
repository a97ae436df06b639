"""Receives Standard Webhooks with Python's standard library: WEBHOOK_SECRET=whsec_… PORT=3000 python3 receiver.py"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300
MAX_BODY_BYTES = 1 << 20


class Rejected(Exception):
    """Not a webhook of this sender, or not now."""


def verify(secrets: list[str], headers, body: bytes, now: float | None = None):
    """Returns the event; raises Rejected. `body` is what arrived, before any parsing."""
    webhook_id = headers.get("webhook-id") or ""
    timestamp = headers.get("webhook-timestamp") or ""
    signatures = headers.get("webhook-signature") or ""
    if not (webhook_id and timestamp and signatures):
        raise Rejected("missing_header")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Rejected("malformed_header")
    ahead = int(timestamp) - (time.time() if now is None else now)
    if abs(ahead) > TOLERANCE_S:
        raise Rejected("timestamp_too_new" if ahead > 0 else "timestamp_too_old")
    content = f"{webhook_id}.{timestamp}.".encode("latin-1") + body
    matches = False
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        own = b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
        # One of several signatures has to match: while a secret is rotated, both sign.
        for signature in signatures.split(" ")[:64]:
            matches |= hmac.compare_digest(own, signature.encode("latin-1", "replace"))
    if not matches:
        raise Rejected("signature_invalid")
    return json.loads(body)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY_BYTES:
            return self.answer(413, "body_too_large")
        body = self.rfile.read(length)
        try:
            event = verify(SECRETS, self.headers, body)
        except Rejected as error:
            return self.answer(400, str(error))
        # Here: in one transaction, insert the webhook-id into a table where it is unique, and do the work.
        # If the id is there already, answer 2xx and do nothing.
        print("received", self.headers["webhook-id"], event.get("type"), flush=True)
        self.answer(200, "processed")

    def answer(self, status: int, text: str):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    SECRETS = os.environ["WEBHOOK_SECRET"].split(",")
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver).serve_forever()
