from anonbench.progress import logged
from anonbench.training.ciagan_settings import CiaganTraining
from anonbench.training.train_ciagan import train_ciagan_files

with logged(snakemake.log[0]):
    train_ciagan_files(
        crops=snakemake.input.crops,
        points=snakemake.input.points,
        labels=snakemake.input.labels,
        start=next(iter(snakemake.input.start), None),
        settings=CiaganTraining(**snakemake.params.settings),
        name=snakemake.wildcards.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        folder=snakemake.params.folder,
        weights=snakemake.output.weights,
        curves=snakemake.output.curves,
        figure=snakemake.output.figure,
        samples=snakemake.output.samples,
    )
