from anonbench.io import write_json
from anonbench.progress import logged

with logged(snakemake.log[0]):
    write_json(snakemake.params.code, snakemake.output[0])
