"""Small random clusters as Pacemaker CIBs. A cluster is a value made of parts that can be left out one by one, so that a failure can
be shrunk; the same seed gives the same cluster."""
import copy
import random

SCORES = ["INFINITY", "-INFINITY", "INFINITY", "100", "50", "200", "-50", "-100", "10"]


def pick(rng, chance):
    return rng.random() < chance


def nvpairs(prefix, values):
    return "".join(f'<nvpair id="{prefix}-{name}" name="{name}" value="{value}"/>' for name, value in values.items())


def attributes(kind, prefix, values):
    return f'<{kind} id="{prefix}">{nvpairs(prefix, values)}</{kind}>' if values else ""


def primitive_xml(item):
    name, stateful = item["id"], item.get("stateful", False)
    operations = f'<op id="{name}-mon" name="monitor" interval="10s"/>'
    if stateful:
        operations = (f'<op id="{name}-m1" name="monitor" interval="10s" role="Unpromoted"/>'
                      f'<op id="{name}-m2" name="monitor" interval="9s" role="Promoted"/>')
    if item.get("on_fail"):
        operations = operations.replace("/>", f' on-fail="{item["on_fail"]}"/>')
    agent = 'class="stonith" type="fence_dummy"' if item.get("fence") else \
        f'class="ocf" provider="pacemaker" type="{"Stateful" if stateful else "Dummy"}"'
    return (f'<primitive id="{name}" {agent}>{attributes("meta_attributes", name + "-meta", item["meta"])}'
            f'{attributes("utilization", name + "-util", item.get("utilization", {}))}<operations>{operations}</operations></primitive>')


def resource_xml(item):
    if item["kind"] == "primitive":
        return primitive_xml(item)
    inner = "".join(resource_xml(child) for child in item["children"])
    meta = attributes("meta_attributes", item["id"] + "-meta", item["meta"])
    return f'<{item["kind"]} id="{item["id"]}">{meta}{inner}</{item["kind"]}>'


def set_xml(name, members, options):
    inner = "".join(f'<resource_ref id="{member}"/>' for member in members)
    extra = "".join(f' {key}="{value}"' for key, value in options.items())
    return f'<resource_set id="{name}"{extra}>{inner}</resource_set>'


def constraint_xml(item, number):
    name = f"c{number}"
    tag, values, sets = item["tag"], item["values"], item.get("sets", [])
    inner = "".join(set_xml(f"{name}-{index}", members, options) for index, (members, options) in enumerate(sets))
    return f'<{tag} id="{name}"' + "".join(f' {key}="{value}"' for key, value in values.items()) + f">{inner}</{tag}>"


def to_xml(cluster):
    nodes = "".join(
        f'<node id="{number}" uname="{node["id"]}">{attributes("instance_attributes", node["id"] + "-attr", node["attributes"])}'
        f'{attributes("utilization", node["id"] + "-util", node["utilization"])}</node>'
        for number, node in enumerate(cluster["nodes"], 1))
    states = "".join(
        f'<node_state id="{number}" uname="{node["id"]}" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<transient_attributes id="{number}">{attributes("instance_attributes", f"status-{number}", node["transient"])}'
        "</transient_attributes></node_state>" for number, node in enumerate(cluster["nodes"], 1))
    return (f'<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" '
            f'have-quorum="{cluster["quorum"]}" dc-uuid="1"><configuration><crm_config>'
            f'{attributes("cluster_property_set", "cib-bootstrap-options", cluster["properties"])}</crm_config><nodes>{nodes}</nodes>'
            f'<resources>{"".join(resource_xml(item) for item in cluster["resources"])}</resources>'
            f'<constraints>{"".join(constraint_xml(item, number) for number, item in enumerate(cluster["constraints"]))}</constraints>'
            f'{defaults_xml(cluster)}</configuration><status>{states}</status></cib>')


def defaults_xml(cluster):
    values = attributes("meta_attributes", "rsc-options", cluster["defaults"])
    return f"<rsc_defaults>{values}</rsc_defaults>" if values else ""


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = 0

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def meta(self, chance=0.25):
        rng, meta = self.rng, {}
        if pick(rng, chance):
            meta["resource-stickiness"] = rng.choice(["1", "50", "100", "INFINITY"])
        if pick(rng, chance / 2):
            meta["priority"] = rng.choice(["1", "5", "10"])
        if pick(rng, chance / 3):
            meta["migration-threshold"] = rng.choice(["1", "2"])
        if pick(rng, chance / 3):
            meta["allow-migrate"] = "true"
        if pick(rng, chance / 5):
            meta["requires"] = rng.choice(["nothing", "quorum", "fencing"])
        if pick(rng, chance / 5):
            meta["multiple-active"] = rng.choice(["stop_only", "block", "stop_unexpected"])
        return meta

    def primitive(self, stateful=False):
        item = {"kind": "primitive", "id": self.name("p"), "stateful": stateful, "meta": self.meta()}
        if pick(self.rng, 0.1):
            item["on_fail"] = self.rng.choice(["demote"] if stateful else ["block", "stop", "ignore", "standby", "fence", "restart"])
        return item

    def group(self, stateful=False):
        members = [self.primitive(stateful) for _ in range(self.rng.randint(2, 3))]
        return {"kind": "group", "id": self.name("g"), "meta": self.meta(0.1), "children": members}

    def clone(self):
        rng = self.rng
        promotable = pick(rng, 0.4)
        child = self.group(promotable) if pick(rng, 0.2) else self.primitive(promotable)
        child["meta"].pop("allow-migrate", None)
        meta = {}
        if pick(rng, 0.4):
            meta["interleave"] = "true"
        if pick(rng, 0.25):
            meta["clone-max"] = rng.choice(["1", "2", "3"])
        if promotable:
            meta["promotable"] = "true"
            if pick(rng, 0.2):
                meta["promoted-max"] = "2"
        elif pick(rng, 0.15):
            meta["globally-unique"] = "true"
            meta["clone-node-max"] = rng.choice(["1", "2"])
        if pick(rng, 0.1):
            meta["clone-min"] = rng.choice(["1", "2"])
        return {"kind": "clone", "id": self.name("cl"), "meta": meta, "children": [child]}

    def resource(self):
        draw = self.rng.random()
        return self.primitive() if draw < 0.5 else self.group() if draw < 0.7 else self.clone()

    def location(self, resources, nodes):
        rng, item = self.rng, self.rng.choice(resources)
        values = {"rsc": item["id"], "node": rng.choice(nodes), "score": rng.choice(SCORES)}
        if promotable(item) and pick(rng, 0.5):
            values["role"] = "Promoted"
        elif cloned_group(item):
            # The peer may put several instances on one node then, whatever clone-node-max says.
            values["score"] = rng.choice(["INFINITY", "-INFINITY"])
        elif pick(rng, 0.08):
            values["resource-discovery"] = rng.choice(["never", "exclusive"])
        return {"tag": "rsc_location", "values": values}

    def ticket(self, resources):
        rng, item = self.rng, self.rng.choice(resources)
        values = {"rsc": item["id"], "ticket": "t1", "loss-policy": rng.choice(["stop", "demote", "fence", "freeze"])}
        if promotable(item) and pick(rng, 0.6):
            values["rsc-role"] = "Promoted"
        return {"tag": "rsc_ticket", "values": values}

    def colocation(self, resources):
        rng = self.rng
        first, second = rng.sample(resources, 2)
        values = {"rsc": first["id"], "with-rsc": second["id"], "score": rng.choice(SCORES)}
        if promotable(second) and pick(rng, 0.6):
            values["with-rsc-role"] = "Promoted"
        if promotable(first) and pick(rng, 0.4):
            values["rsc-role"] = "Promoted"
        return {"tag": "rsc_colocation", "values": values}

    def order(self, resources):
        rng = self.rng
        first, second = rng.sample(resources, 2)
        values = {"first": first["id"], "then": second["id"], "kind": rng.choice(["Mandatory", "Mandatory", "Optional", "Serialize"])}
        if promotable(first) and pick(rng, 0.6):
            values["first-action"] = "promote"
            values["then-action"] = "start"
        if values["kind"] != "Serialize" and pick(rng, 0.15):
            values["symmetrical"] = "false"
        return {"tag": "rsc_order", "values": values}

    def sets(self, resources):
        rng = self.rng
        names = [item["id"] for item in resources]
        rng.shuffle(names)
        cut = rng.randint(1, len(names) - 1)
        sets = [(names[:cut], self.set_options()), (names[cut:], self.set_options())]
        if pick(rng, 0.5):
            return {"tag": "rsc_colocation", "values": {"score": rng.choice(SCORES[:4])}, "sets": [(m, without(o, "require-all")) for m, o in sets]}
        return {"tag": "rsc_order", "values": {"kind": "Mandatory"}, "sets": sets}

    def set_options(self):
        options = {}
        if pick(self.rng, 0.5):
            options["sequential"] = "false"
            if pick(self.rng, 0.3):
                options["require-all"] = "false"
        return options

    def constraint(self, cluster):
        """One that says nothing about a pair that another speaks of already: of such doubles the peer takes now one, now all."""
        for _ in range(20):
            made = self.any_constraint(cluster)
            pair = sorted(made["values"].get(key, "") for key in ("rsc", "with-rsc", "first", "then"))
            if made["tag"] == "rsc_location" or all(
                    pair != sorted(other["values"].get(key, "") for key in ("rsc", "with-rsc", "first", "then"))
                    or other["tag"] != made["tag"] for other in cluster.get("constraints", [])):
                break
        return made

    def any_constraint(self, cluster):
        rng, resources = self.rng, cluster["resources"]
        nodes = [node["id"] for node in cluster["nodes"]]
        draw = rng.random()
        if draw < 0.02:
            return self.ticket(resources)
        if len(resources) < 2 or draw < 0.35:
            return self.location(resources, nodes)
        if draw < 0.62:
            return self.colocation(resources)
        return self.order(resources) if draw < 0.92 else self.sets(resources)

    def cluster(self):
        rng = self.rng
        fencing = pick(rng, 0.4)
        cluster = {"quorum": "1", "properties": {"stonith-enabled": "true" if fencing else "false"}, "defaults": {}}
        cluster["nodes"] = [{"id": f"n{number}", "attributes": {}, "utilization": {}, "transient": {}}
                            for number in range(1, rng.randint(2, 4) + 1)]
        cluster["resources"] = [self.resource() for _ in range(rng.randint(1, 5))]
        cluster["constraints"] = []
        for _ in range(rng.randint(0, 4)):
            cluster["constraints"].append(self.constraint(cluster))
        if fencing:
            cluster["resources"].insert(0, {"kind": "primitive", "id": "fencer", "fence": True, "meta": {}})
        if pick(rng, 0.3):
            cluster["defaults"]["resource-stickiness"] = rng.choice(["1", "100"])
        if pick(rng, 0.08):
            cluster["properties"]["symmetric-cluster"] = "false"
        if pick(rng, 0.15):
            cluster["properties"]["start-failure-is-fatal"] = "false"
        if pick(rng, 0.08):
            self.capacities(cluster)
        if pick(rng, 0.3):
            cluster["properties"]["no-quorum-policy"] = rng.choice(["stop", "freeze", "ignore", "demote"])
        if pick(rng, 0.05):
            cluster["properties"]["node-health-strategy"] = rng.choice(["migrate-on-red", "only-green", "progressive"])
        for item in every(cluster["resources"]):
            if item.get("stateful"):
                for node in cluster["nodes"]:
                    if pick(rng, 0.7):
                        node["transient"][f"master-{item['id']}"] = rng.choice(["5", "10", "100", "-5"])
        return cluster

    def capacities(self, cluster):
        rng = self.rng
        cluster["properties"]["placement-strategy"] = rng.choice(["utilization", "balanced", "minimal"])
        for node in cluster["nodes"]:
            node["utilization"]["cpu"] = str(rng.randint(2, 6))
        for item in every(cluster["resources"]):
            if item["kind"] == "primitive" and not item.get("fence") and pick(rng, 0.7):
                item["utilization"] = {"cpu": str(rng.randint(1, 3))}

    def changes(self, cluster):
        """What happens to the cluster once it runs: a list of (kind, arguments), applied to the peer's state or configuration."""
        rng, out = self.rng, []
        nodes = [node["id"] for node in cluster["nodes"]]
        primitives = [item for item in every(cluster["resources"]) if item["kind"] == "primitive"]
        for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3])):
            draw = rng.random()
            item = rng.choice(primitives)
            if draw < 0.25:
                out.append(("inject", f"{item['id']}_monitor_{10000 if not item.get('stateful') else rng.choice([10000, 9000])}@"
                            f"{rng.choice(nodes)}={rng.choice([1, 7, 7, 9 if item.get('stateful') else 7])}"))
            elif draw < 0.32:
                out.append(("inject", f"{item['id']}_{rng.choice(['stop', 'start', 'start'])}_0@{rng.choice(nodes)}={rng.choice([1, 5, 6])}"))
            elif draw < 0.42:
                out.append(("down", rng.choice(nodes)))
            elif draw < 0.50:
                out.append(("fail", rng.choice(nodes)))
            elif draw < 0.65:
                out.append(("node", rng.choice(nodes), rng.choice(["standby", "maintenance", "standby"]), "true"))
            elif draw < 0.75:
                out.append(("meta", rng.choice(list(every(cluster["resources"])))["id"], "target-role", rng.choice(["Stopped", "Unpromoted"])))
            elif draw < 0.80:
                out.append(("meta", item["id"], "is-managed", "false"))
            elif draw < 0.87:
                out.append(("constraint", self.constraint(cluster)))
            elif draw < 0.90:
                what = ["start", "stop", "promote", "demote"] if item.get("stateful") else ["start", "stop"]
                out.append(("pending", rng.choice(nodes), item["id"], rng.choice(what)))
            elif draw < 0.92:
                out.append(("node_state", rng.choice(nodes), rng.choice([
                    {"join": "pending"}, {"crmd": "offline"}, {"join": "down"}, {"in_ccm": "false", "crmd": "offline", "join": "down"},
                    {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}, {"join": "nack"},
                    {"crmd": "offline", "join": "down", "expected": "down"}])))
            elif draw < 0.955:
                out.append(("transient", rng.choice(nodes), "shutdown", "1700000000"))
            elif draw < 0.965:
                out.append(("transient", rng.choice(nodes), "#health-x", rng.choice(["red", "yellow"])))
            elif draw < 0.98:
                out.append(("remove", rng.choice(cluster["resources"])["id"]))
            else:
                out.append(("property", *rng.choice([("stop-all-resources", "true"), ("maintenance-mode", "true"),
                                                     ("quorum", "0"), ("quorum", "0"), ("quorum", "0")])))
        return [change for change in out if not judged_by_monitors(out, change)]


def judged_by_monitors(changes, change):
    """The peer runs monitors in its simulation, which clears a failure where nothing else is done: we leave monitors out."""
    idle = any(other[0] in ("node", "meta", "property") and other[2:] != () and
               (other[1] == "maintenance-mode" or other[2] in ("maintenance", "is-managed")) for other in changes)
    return idle and change[0] == "inject" and "_monitor_" in change[1]


def without(options, name):
    return {key: value for key, value in options.items() if key != name}


def every(resources):
    for item in resources:
        yield item
        yield from every(item.get("children", []))


def plain(name):
    """Without the number of the instance."""
    head, _, tail = name.rpartition(":")
    return head if head and tail.isdigit() else name


def cloned_group(item):
    return item["kind"] == "clone" and item["children"][0]["kind"] == "group"


def promotable(item):
    return item.get("meta", {}).get("promotable") == "true"


def changed(cluster, changes):
    """The cluster's configuration after the changes that are about it."""
    out = copy.deepcopy(cluster)
    for change in changes:
        if change[0] == "node":
            next(node for node in out["nodes"] if node["id"] == change[1])["attributes"][change[2]] = change[3]
        elif change[0] == "transient":
            next(node for node in out["nodes"] if node["id"] == change[1])["transient"][change[2]] = change[3]
        elif change[0] == "meta":
            for item in every(out["resources"]):
                if item["id"] == change[1]:
                    item["meta"][change[2]] = change[3]
        elif change[0] == "constraint":
            out["constraints"].append(change[1])
        elif change[0] == "remove":
            remove(out, change[1])
        elif change[0] == "property" and change[1] == "quorum":
            out["quorum"] = change[2]
        elif change[0] == "property":
            out["properties"][change[1]] = change[2]
    return out


def remove(cluster, name):
    """Takes a top-level resource out, and what refers to it."""
    cluster["resources"] = [item for item in cluster["resources"] if item["id"] != name]
    kept = []
    for item in cluster["constraints"]:
        if name in item["values"].values():
            continue
        sets = [([member for member in members if member != name], options) for members, options in item.get("sets", [])]
        if all(members for members, _ in sets):
            kept.append(dict(item, sets=sets))
    cluster["constraints"] = kept
