from pathlib import Path

from anonbench.drawn import write_drawn_set
from anonbench.drawn_names import DRAWN
from anonbench.progress import logged

with logged(snakemake.log[0]):
    write_drawn_set(Path(snakemake.params.folder), **DRAWN)
