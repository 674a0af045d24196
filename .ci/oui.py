"""Make sensor/entities/oui.bin of the npm package oui-data (BSD-2-Clause): `npm pack oui-data`, unpack, run this.

    python .ci/oui.py package/index.json

Write the package's version into the docstring of sensor/entities/oui.py.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sensor.entities import oui

if __name__ == "__main__":
    oui.TABLE.write_bytes(oui.pack(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
