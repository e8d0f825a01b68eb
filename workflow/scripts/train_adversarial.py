from anonbench.progress import logged
from anonbench.training.adversarial_settings import AdversarialTraining
from anonbench.training.train_adversarial import train_adversarial_files

with logged(snakemake.log[0]):
    train_adversarial_files(
        crops=snakemake.input.crops,
        labels=snakemake.input.labels,
        start=next(iter(snakemake.input.start), None),
        settings=AdversarialTraining(**snakemake.params.settings),
        name=snakemake.wildcards.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        folder=snakemake.params.folder,
        weights=snakemake.output.weights,
        networks=snakemake.output.networks,
        curves=snakemake.output.curves,
        figure=snakemake.output.figure,
        samples=snakemake.output.samples,
    )
