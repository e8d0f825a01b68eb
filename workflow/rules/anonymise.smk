# Methods that look at a whole data set before they anonymise it; the others wait for nothing.
rule prepare:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        pairs="results/ingest/{dataset}/pairs.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: PLAN.method_detections(
            wildcards.method, wildcards.dataset
        ),
        library=lambda wildcards: PLAN.library("prepare", method=wildcards.method),
    output:
        archive="results/anonymise/{method}/{dataset}.prepared.tar",
        groups="results/anonymise/{method}/{dataset}.prepared.parquet",
    log:
        "logs/prepare/{method}/{dataset}.log",
    benchmark:
        "benchmarks/results/prepare/{method}/{dataset}.tsv"
    priority: 2
    conda:
        "../../envs/faces.yaml"
    params:
        settings=lambda wildcards: PLAN.method(wildcards.method),
        faces=lambda wildcards: PLAN.params.datasets[wildcards.dataset].faces,
        enrolment=lambda wildcards: PLAN.params.datasets[wildcards.dataset].enrolment,
        seed=PLAN.params.seed,
    message:
        "preparing {wildcards.method} for {wildcards.dataset}"
    script:
        "../scripts/prepare.py"


rule anonymise:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: PLAN.method_detections(
            wildcards.method, wildcards.dataset
        ),
        prepared=lambda wildcards: PLAN.prepared(wildcards.method, wildcards.dataset),
        library=lambda wildcards: PLAN.library("anonymise", method=wildcards.method),
    output:
        archive="results/anonymise/{method}/{dataset}.tar",
        ledger="results/anonymise/{method}/{dataset}.ledger.parquet",
    log:
        "logs/anonymise/{method}/{dataset}.log",
    benchmark:
        "benchmarks/results/anonymise/{method}/{dataset}.tsv"
    priority: 2
    conda:
        "../../envs/faces.yaml"
    params:
        settings=lambda wildcards: PLAN.method(wildcards.method),
        faces=lambda wildcards: PLAN.params.datasets[wildcards.dataset].faces,
        seed=PLAN.params.seed,
        fingerprint=lambda wildcards: PLAN.external_fingerprint(wildcards.method),
        weights=lambda wildcards: PLAN.method_weights(wildcards.method),
    message:
        "anonymising {wildcards.dataset} with {wildcards.method}"
    script:
        "../scripts/anonymise.py"


# What is guaranteed of a prepared method's images, checked on the images themselves.
rule vouch:
    input:
        archive="results/anonymise/{method}/{dataset}.tar",
        ledger="results/anonymise/{method}/{dataset}.ledger.parquet",
        manifest="results/ingest/{dataset}/manifest.parquet",
        pairs="results/ingest/{dataset}/pairs.parquet",
        library=PLAN.library("vouch"),
    output:
        "results/anonymise/{method}/{dataset}.guarantee.csv",
    log:
        "logs/vouch/{method}/{dataset}.log",
    benchmark:
        "benchmarks/results/vouch/{method}/{dataset}.tsv"
    conda:
        "../../envs/analysis.yaml"
    params:
        enrolment=lambda wildcards: PLAN.params.datasets[wildcards.dataset].enrolment,
    message:
        "checking what {wildcards.method} guarantees on {wildcards.dataset}"
    script:
        "../scripts/vouch.py"
