from anonbench.progress import logged
from anonbench.training.cleanir_settings import CleanirTraining
from anonbench.training.train_cleanir import train_cleanir_files

with logged(snakemake.log[0]):
    train_cleanir_files(
        crops=snakemake.input.crops,
        embeddings=snakemake.input.embeddings,
        labels=snakemake.input.labels,
        settings=CleanirTraining(**snakemake.params.settings),
        name=snakemake.wildcards.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        folder=snakemake.params.folder,
        weights=snakemake.output.weights,
        curves=snakemake.output.curves,
        figure=snakemake.output.figure,
        samples=snakemake.output.samples,
    )
