"""What the installed crm_simulate makes of a cluster, in the form of `custos simulate --json`."""
import collections
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET

PROGRAM = os.environ.get("CRM_SIMULATE") or shutil.which("crm_simulate")
SHOWN = {"start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload-agent"}


def base(name):
    head, _, tail = name.rpartition(":")
    return head if head and tail.isdigit() else name


def node_state(node):
    flag = {key: node.get(key) == "true" for key in node.keys()}
    if flag["unclean"]:
        return "unclean-online" if flag["online"] else "unclean-offline"
    if flag["pending"]:
        return "pending"
    if not flag["online"]:
        return "offline"
    for name, word in (("standby_onfail", "standby-onfail"), ("standby", "standby"), ("maintenance", "maintenance")):
        if flag[name]:
            return word
    return "online"


def places(resource):
    flags = [word for word, attribute, value in (("blocked", "blocked", "true"), ("failed", "failed", "true"),
                                                 ("orphan", "orphaned", "true"), ("unmanaged", "managed", "false"))
             if resource.get(attribute) == value]
    role = resource.get("role")
    if role in ("Stopped", None):
        return []
    role = {"Starting": "Started", "Stopping": "Started", "Migrating": "Started"}.get(role, role)
    return [[role, node.get("name"), *flags] for node in resource.iter("node")]


def all_places(status):
    resources = collections.defaultdict(list)
    for resource in status.iter("resource"):
        resources[base(resource.get("id"))] += places(resource)
    return resources


def crowds(text):
    """The resources of which a plan puts more than one instance on a node."""
    root = ET.fromstring(text)
    count = collections.Counter((name, place[1]) for name, found in all_places(root.find("cluster_status")).items() for place in found)
    for task, name, node, times in outcome(text)["actions"]:
        count[name, node] += {"start": times, "migrate_from": times, "stop": -times}.get(task, 0)
    return {name for (name, _), instances in count.items() if instances > 1}


def outcome(text):
    root = ET.fromstring(text)
    after = root.find("revised_cluster_status")
    resources = all_places(after)
    actions = collections.Counter()
    for action in root.iter("transition"):
        for done in action:
            if done.tag == "fencing_action":
                actions["fence:" + done.get("op"), "", done.get("target")] += 1
            elif done.tag == "rsc_action" and done.get("op") in SHOWN:
                actions[done.get("op"), base(done.get("resource")), done.get("node")] += 1
    return {"nodes": {node.get("name"): node_state(node) for node in after.find("nodes")},
            "resources": {name: sorted(found) for name, found in resources.items() if found},
            "actions": sorted([*key, count] for key, count in actions.items())}


def simulate(path, *options):
    """The text of the peer's answer about a file."""
    with tempfile.TemporaryDirectory() as shadow:
        environment = dict(os.environ, CIB_shadow_dir=shadow)
        done = subprocess.run([PROGRAM, "-x", path, "-S", "--output-as=xml", *options], env=environment, capture_output=True, text=True)
    if done.returncode != 0 or "<revised_cluster_status" not in done.stdout:
        raise RuntimeError(f"crm_simulate failed ({done.returncode}): {done.stdout[-300:]} {done.stderr[-300:]}")
    return done.stdout
