rule anonymise:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: PLAN.method_detections(
            wildcards.method, wildcards.dataset
        ),
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
