rule measure:
    input:
        originals="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        archive="results/anonymise/{method}/{dataset}.tar",
        ledger="results/anonymise/{method}/{dataset}.ledger.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=expand(
            "results/detect/{{dataset}}/{detector}.parquet",
            detector=PLAN.params.detection.utility,
        ),
        library=PLAN.library("measure"),
    output:
        images="results/utility/{method}/{dataset}.images.parquet",
    log:
        "logs/measure/{method}/{dataset}.log",
    benchmark:
        "benchmarks/results/measure/{method}/{dataset}.tsv"
    conda:
        "../../envs/faces.yaml"
    params:
        detectors=PLAN.params.detection.utility,
        options=PLAN.params.detection.options,
    message:
        "measuring what {wildcards.method} leaves of {wildcards.dataset}"
    script:
        "../scripts/measure.py"
