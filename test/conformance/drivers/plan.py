"""What the drivers of the Python SDKs share: they read the plan's calls from
standard input and write a report to standard output."""

import json
import os
import sys
from datetime import datetime

collector = os.environ["COLLECTOR"]
write_key = os.environ["WRITE_KEY"]

calls = json.load(sys.stdin)

# The names that the SDKs' arguments have for the parts of a call.
ARGUMENTS = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "previousId": "previous_id",
    "groupId": "group_id",
    "messageId": "message_id",
}


def arguments(call):
    """The arguments of an SDK's method for a call."""
    out = {ARGUMENTS.get(k, k): v for k, v in call.items() if k not in ("type", "person")}
    if call["type"] == "alias":
        out.pop("anonymous_id", None)
    if "timestamp" in out:
        out["timestamp"] = datetime.fromisoformat(out["timestamp"].replace("Z", "+00:00"))
    return out


def send(client_class, **settings):
    """Sends the plan through an SDK as an application would: the SDK queues and
    sends by itself, and the last messages are flushed."""
    errors, unsent = [], 0

    def on_error(error, batch):
        nonlocal unsent
        unsent += len(batch)
        errors.append(str(error))

    client = client_class(write_key, host=collector, on_error=on_error, upload_size=20, **settings)
    for call in calls:
        queued, _ = getattr(client, call["type"])(**arguments(call))
        if not queued:
            unsent += 1
    client.shutdown()
    json.dump({"acknowledged": len(calls) - unsent, "errors": errors}, sys.stdout)
