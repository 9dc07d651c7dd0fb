"""`custos status --json`, with names for what tests ask."""
import json


class Status:
    def __init__(self, text):
        self.raw = json.loads(text)

    def __str__(self):
        return json.dumps(self.raw, indent=1)
