from pathlib import Path

from anonbench.drawn import write_drawn_set
from anonbench.progress import logged
from anonbench.workflow import DRAWN

with logged(snakemake.log[0]):
    write_drawn_set(Path(snakemake.params.folder), **DRAWN)
