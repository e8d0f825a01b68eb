from anonbench.io import write_json
from anonbench.progress import logged

with logged(snakemake.log[0]):
    params = snakemake.params
    write_json({**params.code, "detectors": params.detectors}, snakemake.output[0])
