from anonbench.progress import logged
from anonbench.training.adversarial_settings import AdversarialTraining
from anonbench.training.adversaries import fresh_classifier_files

with logged(snakemake.log[0]):
    fresh_classifier_files(
        crops=snakemake.input.crops,
        labels=snakemake.input.labels,
        weights=snakemake.input.weights,
        settings=AdversarialTraining(**snakemake.params.settings),
        name=snakemake.wildcards.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        folder=snakemake.params.folder,
        fresh=snakemake.output.fresh,
        curves=snakemake.output.curves,
        figure=snakemake.output.figure,
        samples=snakemake.output.samples,
    )
