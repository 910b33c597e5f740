"""How much the long checks do: enough to notice on each change, and a hundred times more in `make nightly`."""

import os

#: Set by `make nightly`.
NIGHTLY = bool(os.environ.get("CARTVEIL_NIGHTLY"))

#: Values per example, and examples per primitive: 10^4 values on each change, 10^6 nightly.
VALUES, EXAMPLES = 500, 2000 if NIGHTLY else 20
