from pathlib import Path

from anonbench.progress import logged
from anonbench.score_expressions import ExpressionSettings, score_expression_files

with logged(snakemake.log[0]):
    metrics = snakemake.params.metrics
    score_expression_files(
        Path(snakemake.input.originals),
        Path(snakemake.input.answers),
        Path(snakemake.input.manifest),
        Path(snakemake.output.metrics),
        Path(snakemake.output.confusion),
        Path(snakemake.output.replicates),
        dataset=snakemake.wildcards.dataset,
        method=snakemake.wildcards.method,
        system=snakemake.wildcards.network,
        settings=ExpressionSettings(
            gate=snakemake.params.gate,
            replicates=metrics["bootstrap"],
            confidence=metrics["confidence"],
        ),
        seed=snakemake.params.seed,
    )
