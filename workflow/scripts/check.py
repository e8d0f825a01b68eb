import json
from pathlib import Path

from anonbench.checks import require
from anonbench.io import write_json
from anonbench.progress import logged

with logged(snakemake.log[0]):
    checks = json.loads(Path(snakemake.input.checks).read_text(encoding="utf-8"))["checks"]
    require(checks)
    write_json({"passed": [c["name"] for c in checks]}, snakemake.output[0])
