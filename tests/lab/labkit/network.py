"""One Ethernet segment: a bridge in a namespace of its own, a veth for each machine, faults by nftables at the bridge.

Nothing is connected to the machine's own network. Multicast snooping is off: the lab has no querier, and a snooping bridge
without one forgets its groups after some minutes.
"""
import subprocess

from .machine import Machine, run_in_network

NETWORK = "10.77.0"
SECOND = "10.78.0"  # only where add_second() made it


class Network:
    def __init__(self):
        self.switch = Machine("switch")
        self._ports = {}      # machine name -> port name
        self._cuts = set()    # (from, to): frames that do not pass
        self._loss = 0.0      # per cent of all frames

    def boot(self):
        self.switch.boot()
        run_in_network(self.switch, ["link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "link set br0 up"])

    def plug(self, machine, host):
        """Gives a booted machine its eth0, with a MAC that tells it apart; `host` is the last byte of its address."""
        port = f"p{host}"
        self.unplug(machine)
        run_in_network(self.switch, [
            f"link add {port} type veth peer name eth0 address {mac_of(host)} netns {machine.pid}",
            f"link set {port} master br0 up"])
        run_in_network(machine, ["link set lo up", "link set eth0 up"])
        self._ports[machine.name] = port

    def give_address(self, machine, host):
        run_in_network(machine, [f"addr add {address_of(host)}/24 brd + dev eth0",
                                 f"route add default via {address_of(254)} dev eth0"])

    def add_second(self, nodes):
        """A second segment, with eth1 of each of these booted nodes on it."""
        run_in_network(self.switch, ["link add br1 type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "link set br1 up"])
        for node in nodes:
            run_in_network(self.switch, [
                f"link add q{node.number} type veth peer name eth1 address {mac_of(100 + node.number)} netns {node.pid}",
                f"link set q{node.number} master br1 up"])
            run_in_network(node, ["link set eth1 up", f"addr add {self.second_address(node.number)}/24 brd + dev eth1"])

    @staticmethod
    def second_address(number):
        return f"{SECOND}.{number}"

    def set_second_link(self, node, up):
        """As set_link(), of its eth1."""
        run_in_network(self.switch, [f"link set q{node.number} {'up' if up else 'down'}"])

    def unplug(self, machine):
        """Pulls the cable and the card with it; a machine that boots again gets a new one."""
        port = self._ports.pop(machine.name, None)
        if port:
            # a killed machine's namespace takes its end of the pair along, sooner or later
            subprocess.run(["nsenter", "-t", str(self.switch.pid), "-n", "--", "ip", "link", "del", port],
                           stderr=subprocess.DEVNULL)

    def set_link(self, machine, up):
        """The switch port: down takes the carrier of the machine's eth0 away."""
        run_in_network(self.switch, [f"link set {self._ports[machine.name]} {'up' if up else 'down'}"])

    def partition(self, *sides):
        """No frame passes between machines of different sides. A machine that is named in none sees all."""
        for side in sides:
            for other in sides:
                if other is not side:
                    self._cuts |= {(a.name, b.name) for a in side for b in other}
        self._apply()

    def cut_one_way(self, source, target):
        self._cuts.add((source.name, target.name))
        self._apply()

    def lose(self, percent):
        self._loss = percent
        self._apply()

    def heal(self):
        self._cuts.clear()
        self._loss = 0.0
        self._apply()

    def _apply(self):
        rules = [f'iifname "{self._ports[a]}" oifname "{self._ports[b]}" drop' for a, b in sorted(self._cuts)]
        if self._loss:
            rules.append(f"numgen random mod 10000 < {round(self._loss * 100)} counter drop")
        lines = ["table bridge faults", "delete table bridge faults", "table bridge faults {", "chain forward {",
                 "type filter hook forward priority 0; policy accept;", *rules, "}", "}"]
        subprocess.run(["nsenter", "-t", str(self.switch.pid), "-n", "--", "nft", "-f", "-"], input="\n".join(lines) + "\n",
                       text=True, check=True)


def address_of(host):
    return f"{NETWORK}.{host}"


def mac_of(host):
    return f"02:00:00:00:00:{host:02x}"
