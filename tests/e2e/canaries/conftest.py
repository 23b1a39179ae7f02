"""The folder ``canary`` beside this file is what the tests of canaries are made of."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
