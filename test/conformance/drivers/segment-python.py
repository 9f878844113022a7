"""Sends the plan through segment-analytics-python, with gzip."""

from plan import send
from segment.analytics.client import Client

send(Client, gzip=True)
