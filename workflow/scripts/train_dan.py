from anonbench.progress import logged
from anonbench.training.settings import Training
from anonbench.training.train_dan import train_files

with logged(snakemake.log[0]):
    train_files(
        crops=snakemake.input.crops,
        labels=snakemake.input.labels,
        settings=Training(**snakemake.params.settings),
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        checkpoint=snakemake.params.checkpoint,
        weights=snakemake.output.weights,
        curves=snakemake.output.curves,
        figure=snakemake.output.figure,
    )
