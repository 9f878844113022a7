"""Sends the plan through rudder-sdk-python, which compresses on its own."""

from plan import send
from rudderstack.analytics.client import Client

send(Client)
