from anonbench.progress import logged
from anonbench.training.deepprivacy_settings import DeepPrivacyTraining
from anonbench.training.train_deepprivacy import train_deepprivacy_files

with logged(snakemake.log[0]):
    train_deepprivacy_files(
        crops=snakemake.input.crops,
        places=snakemake.input.places,
        labels=snakemake.input.labels,
        settings=DeepPrivacyTraining(**snakemake.params.settings),
        name=snakemake.wildcards.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        folder=snakemake.params.folder,
        weights=snakemake.output.weights,
        curves=snakemake.output.curves,
        figure=snakemake.output.figure,
        samples=snakemake.output.samples,
    )
