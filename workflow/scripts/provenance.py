from anonbench.progress import logged
from anonbench.provenance import provenance_file

with logged(snakemake.log[0]):
    datasets = snakemake.params.datasets
    provenance_file(
        inputs=dict(zip(datasets, snakemake.input.manifests, strict=True)),
        parameters=snakemake.params.parameters,
        code=snakemake.params.code,
        out=snakemake.output[0],
    )
