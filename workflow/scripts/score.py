from pathlib import Path

from anonbench.progress import logged
from anonbench.score import score_files
from anonbench.score_rows import ScoreSettings

with logged(snakemake.log[0]):
    metrics = snakemake.params.metrics
    score_files(
        Path(snakemake.input.originals),
        Path(snakemake.input.embeddings),
        Path(snakemake.input.manifest),
        Path(snakemake.input.pairs),
        Path(snakemake.output.metrics),
        Path(snakemake.output.curves),
        Path(snakemake.output.histograms),
        Path(snakemake.output.replicates),
        dataset=snakemake.wildcards.dataset,
        method=snakemake.wildcards.method,
        system=snakemake.wildcards.recogniser,
        enrolment=snakemake.params.enrolment,
        attacks=snakemake.params.attacks,
        policies=snakemake.params.policies,
        settings=ScoreSettings(
            fmr_targets=metrics["fmr"],
            distance_threshold=metrics["distance_threshold"],
            replicates=metrics["bootstrap"],
            confidence=metrics["confidence"],
            minimum_mated=metrics["minimum_mated"],
            in_memory=metrics["in_memory"],
        ),
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
