"""Rows of figures: median and spread of each system, and how many times slower the second one is."""
import statistics


def spread(values):
    """"12.3 [11.0..14.9] n=5"; a value of None is one that never came."""
    came = [value for value in values if value is not None]
    if not came:
        return f"never (n={len(values)})" if values else "-"
    failed = len(values) - len(came)
    text = f"{number(statistics.median(came))} [{number(min(came))}..{number(max(came))}] n={len(came)}"
    return text + (f", {failed} never" if failed else "")


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(ours, theirs):
    ours = [value for value in ours if value is not None]
    theirs = [value for value in theirs if value is not None]
    if not ours or not theirs or statistics.median(ours) == 0:
        return "-"
    return f"{statistics.median(theirs) / statistics.median(ours):.1f}x"


class Table:
    def __init__(self, names):
        self._names = names
        self._printed = False

    def row(self, title, ours, theirs):
        if not self._printed:
            print(f"{'':44} {self._names[0]:34} {self._names[1]:34} ratio", flush=True)
            self._printed = True
        print(f"{title:44} {spread(ours):34} {spread(theirs):34} {ratio(ours, theirs)}", flush=True)
