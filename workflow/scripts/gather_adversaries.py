from anonbench.progress import logged
from anonbench.training.adversaries import gather_adversaries

with logged(snakemake.log[0]):
    gather_adversaries(
        snakemake.input.tables,
        snakemake.output.csv,
        snakemake.output.json,
        snakemake.output.markdown,
    )
