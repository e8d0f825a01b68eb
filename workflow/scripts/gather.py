from anonbench.gather import gather_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    gather_files(
        stage=snakemake.params.stage,
        parts=snakemake.input.parts,
        manifest=snakemake.input.manifest,
        outs=list(snakemake.output),
    )
