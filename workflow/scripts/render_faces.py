from pathlib import Path

from anonbench.progress import logged
from anonbench.synthetic.build import finish_set

with logged(snakemake.log[0]):
    finish_set(snakemake.params.plan, Path(snakemake.params.folder))
