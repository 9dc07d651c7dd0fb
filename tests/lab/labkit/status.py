"""`custos status --json`, with names for what tests ask."""
import json


class Status:
    def __init__(self, text):
        self.raw = json.loads(text)
        ring = self.raw["ring"]
        names = {node["id"]: node["name"] for node in self.raw["nodes"]}
        self.node = self.raw["node"]
        self.members = sorted(names.get(number, str(number)) for number in ring["members"])
        self.synchronised = ring["synchronised"]
        self.quorate = self.raw["quorum"]["quorate"]
        self.views = ring["views"]
        self.retransmitted = ring["retransmitted"]
        self.refused_frames = ring.get("refused", 0)
        self.version = self.raw["configuration_version"]
        self.idle = not self.raw["actions"]

    def __str__(self):
        return json.dumps(self.raw, indent=1)

    def standby(self, node):
        found = next(each for each in self.raw["nodes"] if each["name"] == node)
        return found["attributes"].get("standby") in ("on", "true")

    def _resource(self, resource):
        return next((each for each in self.raw["resources"] if each["id"] == resource), {"nodes": []})

    def active(self, resource):
        """Nodes where it may run: started, failed or not known, as far as ordered messages said so."""
        return [at["name"] for at in self._resource(resource)["nodes"] if at["activity"] != "stopped"]

    def place(self, resource):
        """The one node that runs it; None when none does, when several may, or while something is to be done."""
        started = [at["name"] for at in self._resource(resource)["nodes"]
                   if at["activity"] == "started" and at["name"] in self.members]
        return started[0] if len(started) == 1 else None

    def failures(self, resource):
        """The recorded failures: (node, operation, code)."""
        return [(at["name"], at["failure"]["operation"], at["failure"]["code"])
                for at in self._resource(resource)["nodes"] if at["failure"]]
