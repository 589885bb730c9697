"""Starts the official command `tau2`. Its stand-in for a user, which solo agents need, takes no arguments,
though the command gives it some, and so it can't run them; here it takes them."""

from tau2.cli import main
from tau2.user.user_simulator import DummyUser

_init = DummyUser.__init__
DummyUser.__init__ = lambda self, **_: _init(self)

main()
