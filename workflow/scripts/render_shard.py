from pathlib import Path

from anonbench.progress import logged
from anonbench.synthetic.faceset import render_shard

with logged(snakemake.log[0]):
    render_shard(
        assets=Path(snakemake.input.assets),
        shard=snakemake.params.shard,
        out=Path(snakemake.params.folder),
    )
