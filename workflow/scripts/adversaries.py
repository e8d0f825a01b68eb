from anonbench.progress import logged
from anonbench.training.adversarial_settings import AdversarialTraining
from anonbench.training.adversaries import adversaries_file

with logged(snakemake.log[0]):
    adversaries_file(
        crops=snakemake.input.crops,
        labels=snakemake.input.labels,
        weights=snakemake.input.weights,
        networks=snakemake.input.networks,
        fresh=next(iter(snakemake.input.fresh), None),
        settings=AdversarialTraining(**snakemake.params.settings),
        name=snakemake.wildcards.training,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        out=snakemake.output[0],
    )
