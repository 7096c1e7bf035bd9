import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.fixtures import certificates, door, edge, make_edge, register, sandbox, service, siege  # noqa: E402, F401
