"""Time to a new view: cold formation, and after a killed daemon, a cut link and a stopped daemon."""
import time

from labkit.cluster import Failed

SETTLE = 1.0  # seconds that a whole ring is left idle before something is done to it


def kill(system, victim):
    when = system.kill_node(victim)

    def restore():
        system.gone(victim)
        system.start_node(victim)
    return when, restore


def link(system, victim):
    when = time.time()
    system.lab.network.set_link(victim, False)
    return when, lambda: system.lab.network.set_link(victim, True)


def stop(system, victim):
    return system.pause(victim), lambda: system.resume(victim)


FAULTS = {"kill": kill, "link": link, "stop": stop}
TITLES = {"kill": "kill -9 of the daemon", "link": "link cut", "stop": "SIGSTOP of the daemon", "cold": "cold formation"}


def patience(system):
    """Seconds after which a view is given up: several times what the slowest of them needs by its own timeouts."""
    return 30 + 4 * system.configured_token() / 1000


def one_fault(system, fault, victim):
    """Milliseconds until the last survivor has the view without the victim; the ring is whole again afterwards."""
    survivors = [node for node in system.nodes if node is not victim]
    system.leave_alone(SETTLE)
    since, restore = FAULTS[fault](system, victim)
    took = system.wait_view(survivors, survivors, since, patience(system))
    restore()
    system.whole(patience(system) + 60)
    return took


def one_round(system, faults, number, say):
    """A cold start, then each fault once; {what: milliseconds or None}."""
    took = {"cold": None}
    system.configure()
    try:
        took["cold"] = system.start(patience(system))
        if took["cold"] is None:
            say(f"{system.name}: no ring of {len(system.nodes)} within {patience(system):.0f} s")
            return took
        for offset, fault in enumerate(faults):
            # another victim each time, the lowest id (Totem's representative) among them
            victim = system.nodes[(number + offset) % len(system.nodes)]
            took[fault] = one_fault(system, fault, victim)
    except Failed as failure:
        say(str(failure))
    finally:
        system.lab.network.heal()
        system.stop()
    return took
