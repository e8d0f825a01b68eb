rule detect:
    input:
        archive="results/ingest/{dataset}/images.tar",
        library=lambda wildcards: PLAN.library("detect", detector=wildcards.detector),
    output:
        "results/detect/{dataset}/{detector}.parquet",
    log:
        "logs/detect/{dataset}/{detector}.log",
    benchmark:
        "benchmarks/results/detect/{dataset}/{detector}.tsv"
    conda:
        "../../envs/faces.yaml"
    params:
        options=lambda wildcards: PLAN.detector_options(wildcards.detector),
        weights=lambda wildcards: PLAN.detector_weights(wildcards.detector),
        boxes_only=False,
    message:
        "detecting faces of {wildcards.dataset} with {wildcards.detector}"
    script:
        "../scripts/detect.py"


# Once for all who ask: the measures of utility, and every recogniser that uses the detector.
rule redetect:
    input:
        archive="results/anonymise/{method}/{dataset}.tar",
        originals="results/ingest/{dataset}/images.tar",
        known=lambda wildcards: PLAN.known_faces(wildcards.detector),
        library=lambda wildcards: PLAN.library("detect", detector=wildcards.detector),
    output:
        "results/redetect/{method}/{dataset}.{detector}.parquet",
    log:
        "logs/redetect/{method}/{dataset}.{detector}.log",
    benchmark:
        "benchmarks/results/redetect/{method}/{dataset}.{detector}.tsv"
    # The longest jobs first, so that short ones are left to share the cores evenly at the end.
    priority: 1
    conda:
        "../../envs/faces.yaml"
    params:
        options=lambda wildcards: PLAN.detector_options(wildcards.detector),
        weights=lambda wildcards: PLAN.detector_weights(wildcards.detector),
        # Landmarks are kept where they are compared with those of the original.
        boxes_only=lambda wildcards: wildcards.detector
        != PLAN.params.detection.landmarks,
    message:
        "looking for faces in {wildcards.method} of {wildcards.dataset} with {wildcards.detector}"
    script:
        "../scripts/detect.py"


rule locate:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        # The other detectors are asked only where this one finds nothing.
        detections=f"results/detect/{{dataset}}/{PLAN.params.detection.subject[0]}.parquet",
        library=PLAN.library("locate"),
    output:
        "results/detect/{dataset}/subjects.parquet",
    log:
        "logs/locate/{dataset}.log",
    benchmark:
        "benchmarks/results/locate/{dataset}.tsv"
    conda:
        "../../envs/faces.yaml"
    params:
        order=PLAN.params.detection.subject,
        options=PLAN.params.detection.options,
        weights=PLAN.detector_weights(*PLAN.params.detection.subject),
        policy=lambda wildcards: PLAN.subject_policy(wildcards.dataset),
    message:
        "choosing the subject's face in {wildcards.dataset}"
    script:
        "../scripts/locate.py"
