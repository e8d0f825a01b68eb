rule classify:
    input:
        archive="results/anonymise/{method}/{dataset}.tar",
        ledger="results/anonymise/{method}/{dataset}.ledger.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: PLAN.network_detections(wildcards.network),
        library=lambda wildcards: PLAN.library("classify", network=wildcards.network),
    output:
        "results/classify/{method}/{dataset}.{network}.npz",
    log:
        "logs/classify/{method}/{dataset}.{network}.log",
    benchmark:
        "benchmarks/results/classify/{method}/{dataset}.{network}.tsv"
    priority: 1
    conda:
        "../../envs/faces.yaml"
    threads: 1
    params:
        network=lambda wildcards: PLAN.params.expressions[wildcards.network].type,
        options=lambda wildcards: PLAN.params.expressions[wildcards.network].options,
        weights=lambda wildcards: PLAN.weights(wildcards.network),
        policies=PLAN.params.protocol.policies,
    message:
        "telling the expressions in {wildcards.method} of {wildcards.dataset} with {wildcards.network}"
    script:
        "../scripts/classify.py"


rule score_expressions:
    input:
        manifest="results/ingest/{dataset}/manifest.parquet",
        originals="results/classify/original/{dataset}.{network}.npz",
        answers="results/classify/{method}/{dataset}.{network}.npz",
        library=PLAN.library("score_expressions"),
    output:
        metrics="results/expression/{method}/{dataset}.{network}.metrics.csv",
        confusion="results/expression/{method}/{dataset}.{network}.confusion.csv",
        replicates="results/expression/{method}/{dataset}.{network}.replicates.parquet",
    log:
        "logs/score_expressions/{method}/{dataset}.{network}.log",
    benchmark:
        "benchmarks/results/score_expressions/{method}/{dataset}.{network}.tsv"
    conda:
        "../../envs/analysis.yaml"
    params:
        gate=lambda wildcards: PLAN.params.expressions[wildcards.network].gate,
        metrics=PLAN.block("metrics"),
        seed=PLAN.params.seed,
    message:
        "scoring expressions in {wildcards.method} of {wildcards.dataset} with {wildcards.network}"
    script:
        "../scripts/score_expressions.py"


# DVC expects the outputs of a stage: where a run has no expression network, it finds that said.
rule skip_expressions:
    input:
        library=PLAN.library("skip_expressions"),
    output:
        "results/classify/{method}/none.json",
        "results/expression/{method}/none.json",
    log:
        "logs/skip_expressions/{method}.log",
    conda:
        "../../envs/analysis.yaml"
    message:
        "no network tells the expressions in {wildcards.method}"
    script:
        "../scripts/skip_expressions.py"
