"""CoroNet Serve as a package: it makes `model_src`, `client`, `cli` and the other rooms importable.

Imports are spelled the same everywhere: `from client.http import CoroNetClient` in a checkout, in an archive and
installed. But `client` or `train` in site-packages would take those names from everybody else on the machine, so an
installation keeps all rooms inside this package. `import coronet_serve` puts the folder that holds them first on
this process's module path:

    import coronet_serve
    from client.http import CoroNetClient
"""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# Installed, the rooms are in this package; in a checkout they are beside it.
ROOMS = _PACKAGE if (_PACKAGE / "model_src").is_dir() else _PACKAGE.parent

if str(ROOMS) in sys.path:
    sys.path.remove(str(ROOMS))
sys.path.insert(0, str(ROOMS))
