rule draw:
    input:
        library=PLAN.library("draw"),
    output:
        PLAN.drawn_files(),
    log:
        "logs/draw.log",
    conda:
        "../../envs/images.yaml"
    params:
        folder=subpath(output[0], parent=True),
    message:
        "drawing the small default data set"
    script:
        "../scripts/draw.py"


rule ingest:
    input:
        data=lambda wildcards: PLAN.dataset_inputs(wildcards.dataset),
        library=lambda wildcards: PLAN.library("ingest", dataset=wildcards.dataset),
    output:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        pairs="results/ingest/{dataset}/pairs.parquet",
    log:
        "logs/ingest/{dataset}.log",
    benchmark:
        "benchmarks/results/ingest/{dataset}.tsv"
    conda:
        "../../envs/images.yaml"
    params:
        settings=lambda wildcards: PLAN.dataset(wildcards.dataset),
        fingerprint=lambda wildcards: PLAN.fingerprint(wildcards.dataset),
    message:
        "ingesting {wildcards.dataset}"
    script:
        "../scripts/ingest.py"
