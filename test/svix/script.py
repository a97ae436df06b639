"""A sender's script, as it is written for Svix: only the URL is another. Prints what the test compares."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from svix.api import (
    ApplicationIn,
    AppPortalAccessIn,
    EndpointIn,
    EndpointSecretRotateIn,
    EventTypeIn,
    MessageAttemptListByEndpointOptions,
    MessageGetOptions,
    MessageIn,
    RecoverIn,
    Svix,
    SvixOptions,
)

url, token, receiver, name = sys.argv[1:5]
count = int(sys.argv[5]) if len(sys.argv) > 5 else 5
svix = Svix(token, SvixOptions(server_url=url))


def until(holds):
    end = time.monotonic() + 120
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


svix.event_type.create(EventTypeIn(name=f"{name}.paid", description="Paid"))
app = svix.application.create(ApplicationIn(name="Customer", uid=name))
assert app.uid == name and app.id.startswith("app_")
endpoint = svix.endpoint.create(name, EndpointIn(url=receiver))
assert endpoint.description == ""


def send(n):
    message = MessageIn(event_type=f"{name}.paid", event_id=f"evt-{n}", payload={"n": n})
    return svix.message.create(name, message)


def attempts():
    listed, iterator = [], None
    while True:
        options = MessageAttemptListByEndpointOptions(limit=250, iterator=iterator)
        page = svix.message_attempt.list_by_endpoint(name, endpoint.id, options)
        listed += page.data
        iterator = page.iterator
        if page.done:
            return listed


with ThreadPoolExecutor(16) as threads:
    sent = list(threads.map(send, range(count)))
assert len({message.id for message in sent}) == count
until(lambda: len(attempts()) == count)
listed = attempts()
assert sorted(attempt.msg_id for attempt in listed) == sorted(message.id for message in sent)
assert all(attempt.response_status_code == 200 for attempt in listed)

svix.message_attempt.resend(name, sent[0].id, endpoint.id)
until(lambda: len(attempts()) == count + 1)
assert len(svix.message_attempt.list_by_msg(name, sent[0].id).data) == 2
assert len(svix.message_attempt.list_attempted_destinations(name, sent[0].id).data) == 1
assert len(svix.message.list(name).data) == min(count, 50)
shown = svix.message.get(name, sent[1].id, MessageGetOptions(with_content=True))
assert shown.payload == {"n": 1}

former = svix.endpoint.get_secret(name, endpoint.id).key
svix.endpoint.recover(name, endpoint.id, RecoverIn(since=datetime.now(timezone.utc) - timedelta(hours=1)))
svix.endpoint.rotate_secret(name, endpoint.id, EndpointSecretRotateIn())
assert svix.endpoint.get_secret(name, endpoint.id).key != former
assert svix.endpoint.get_stats(name, endpoint.id).success >= 0
assert svix.endpoint.get_headers(name, endpoint.id).sensitive == []
assert svix.authentication.app_portal_access(name, AppPortalAccessIn()).token
print(json.dumps({"messages": len(sent), "attempts": len(attempts())}))
