"""How a test file names its tests."""

TESTS = []
SETTINGS = {"hold": 10.0}  # seconds for which a large ring must stay; a full minute is asked for by hand


class Test:
    def __init__(self, name, function, started, options):
        self.name, self.function, self.started, self.options = name, function, started, options


def test(name, started=True, **options):
    """Registers a function of one Lab(**options), with the ring formed before it is called when `started`."""
    def register(function):
        TESTS.append(Test(name, function, started, options))
        return function
    return register
