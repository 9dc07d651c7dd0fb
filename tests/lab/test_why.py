"""Why, why-not, what-if and simulate of a running cluster: what they say is what then happens."""
import json
import os

from labkit import expect, test

# Its start fails where /run/NAME.broken is, its stop where /run/NAME.stuck is.
SERVICE = """#!/bin/sh
name=/run/$(basename "$0")
case $1 in
start) [ ! -e "$name.broken" ] && touch "$name.on" ;;
stop) [ ! -e "$name.stuck" ] && rm -f "$name.on" ;;
status) [ -e "$name.on" ] && exit 0; exit 3 ;;
*) exit 2 ;;
esac
"""


def put(node, path, text="", mode=0o644):
    with open(node.path(path), "w") as file:
        file.write(text)
    os.chmod(node.path(path), mode)


def says(node, line, *parts):
    text = node.custos(line).stdout
    for part in parts:
        expect(part in text, f"custos {line}: lacks '{part}':\n{text}")
    first = text.split("\n\n")[0]
    expect(first.count("\n") == 0, f"custos {line}: its sentences are not one paragraph:\n{text}")
    return text


def asked(node, line):
    return json.loads(node.custos(f"{line} --json").stdout)


def places(status):
    return {each["id"]: sorted(status.active(each["id"])) for each in status.raw["resources"]}


def settled(lab, node, name, where):
    return lab.wait(node, lambda s: s.place(name) == where and s.idle, f"{name} runs on {where}, and all is done", 60)


def set_up(lab):
    """web likes n1, idle is told to be stopped, fragile could not start on n2, stubborn not be stopped on n3."""
    n1, n2, n3 = lab.nodes
    for node in lab.nodes:
        for name in ("fragile", "stubborn"):
            put(node, f"/etc/init.d/{name}", SERVICE, 0o755)
    put(n2, "/run/fragile.broken")
    put(n3, "/run/stubborn.stuck")
    for line in ("configure primitive web ocf:pacemaker:Dummy op monitor interval=10s",
                 "configure location web-likes-n1 web 100: n1",
                 "configure primitive idle ocf:pacemaker:Dummy meta target-role=Stopped",
                 "configure primitive fragile lsb:fragile", "configure location fragile-likes-n2 fragile 100: n2",
                 "configure primitive stubborn lsb:stubborn", "configure location stubborn-likes-n3 stubborn 100: n3"):
        n1.crm(line)
    settled(lab, n1, "web", "n1")
    settled(lab, n1, "stubborn", "n3")
    lab.wait(n1, lambda s: s.place("fragile") not in (None, "n2") and s.idle, "fragile left n2", 60)
    n1.crm("resource stop stubborn")
    lab.wait(n1, lambda s: s.failures("stubborn") and s.idle, "its stop failed", 60)


@test("why: the running cluster says why, and foretells a standby and a loss as they then happen")
def why(lab):
    n1, n2, _ = lab.nodes
    set_up(lab)
    says(n2, "why web", "web runs on n1 and stays there.", "location web-likes-n1")
    says(n2, "why-not web n2", "not on n2", "a score of more than 100 for n2")
    says(n2, "why idle", "idle is stopped and stays so.", "It would run with target-role=Started of idle")
    says(n1, "why-not fragile n2", "not on n2. Reason: n2: failed for good", "a cleanup of fragile on n2")
    says(n1, "why stubborn", "stubborn is blocked on n3", "a stop failed", "run `crm resource cleanup stubborn`")
    expect(asked(n1, "why stubborn")[0]["fate"] == "blocked", "--json says otherwise")
    planned = n1.custos("simulate").stdout
    expect("Actions:\n  (none)" in planned and "* stubborn: Started n3 blocked" in planned, planned)

    foretold = asked(n2, "what-if --standby n1")
    before = places(n2.status())
    n2.crm("-w node standby n1", check=False)  # stubborn is named as what cannot be done
    moved = lab.wait(n2, lambda s: s.standby("n1") and s.place("web") not in (None, "n1") and s.idle, "web left n1", 60)
    after = places(moved)
    expected = {**before, **{each["resource"]: sorted(at[1] for at in each["after"]) for each in foretold["changes"]}}
    expect(expected["web"] != before["web"], f"web should have been foretold to move: {foretold}")
    expect(after == expected, f"foretold {expected}, came {after}")
    says(n2, "why-not web n1", "not on n1. Reason: n1: in standby", "n1 out of standby")
    n2.crm("node online n1")
    settled(lab, n2, "web", "n1")

    unknown = n2.custos("why nothing", check=False)
    expect(unknown.returncode == 1 and 'no resource "nothing"' in unknown.stdout, unknown.stdout)
    lost = asked(n2, "what-if --down n1")
    expect({"resource": "web", "before": [["Started", "n1"]], "after": [["Started", "n1", "uncleared"]]} in lost["changes"], lost)
    n1.power_off()
    lab.wait(n2, lambda s: s.members == ["n2", "n3"] and s.synchronised and s.quorate, "n1 is gone")
    says(n2, "why web", "web is not started. Reason: it was last started on n1, which is not cleared", "crm node clearstate n1",
         "It would run with the word that n1 is off")
    n2.crm("-F node clearstate n1")
    lab.wait(n2, lambda s: s.place("web") in ("n2", "n3"), "web starts once n1 is known to be off", 60)
    n2.stop()
    down = n2.custos("why web", check=False)
    expect(down.returncode == 1 and "custosd is not running on this node" in down.stdout, down.stdout)
