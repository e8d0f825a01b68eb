rule embed:
    input:
        archive="results/anonymise/{method}/{dataset}.tar",
        ledger="results/anonymise/{method}/{dataset}.ledger.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: PLAN.attacker_detections(wildcards.recogniser),
        library=lambda wildcards: PLAN.library("embed", recogniser=wildcards.recogniser),
    output:
        "results/embed/{method}/{dataset}.{recogniser}.npz",
    log:
        "logs/embed/{method}/{dataset}.{recogniser}.log",
    benchmark:
        "benchmarks/results/embed/{method}/{dataset}.{recogniser}.tsv"
    conda:
        "../../envs/faces.yaml"
    threads: 1
    params:
        settings=lambda wildcards: PLAN.recogniser(wildcards.recogniser),
        policies=PLAN.params.protocol.policies,
    message:
        "embedding {wildcards.method} of {wildcards.dataset} with {wildcards.recogniser}"
    script:
        "../scripts/embed.py"


rule score:
    input:
        manifest="results/ingest/{dataset}/manifest.parquet",
        pairs="results/ingest/{dataset}/pairs.parquet",
        originals="results/embed/original/{dataset}.{recogniser}.npz",
        embeddings="results/embed/{method}/{dataset}.{recogniser}.npz",
        library=PLAN.library("score"),
    output:
        metrics="results/score/{method}/{dataset}.{recogniser}.metrics.csv",
        curves="results/score/{method}/{dataset}.{recogniser}.curves.parquet",
        histograms="results/score/{method}/{dataset}.{recogniser}.histograms.parquet",
        replicates="results/score/{method}/{dataset}.{recogniser}.replicates.parquet",
    log:
        "logs/score/{method}/{dataset}.{recogniser}.log",
    benchmark:
        "benchmarks/results/score/{method}/{dataset}.{recogniser}.tsv"
    conda:
        "../../envs/analysis.yaml"
    # More help where comparisons are too many for memory: --set-threads score=8.
    threads: 1
    params:
        enrolment=lambda wildcards: PLAN.params.datasets[wildcards.dataset].enrolment,
        attacks=PLAN.attacks,
        policies=PLAN.params.protocol.policies,
        metrics=PLAN.block("metrics"),
        seed=PLAN.params.seed,
    message:
        "scoring {wildcards.method} on {wildcards.dataset} with {wildcards.recogniser}"
    script:
        "../scripts/score.py"
