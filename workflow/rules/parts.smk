# Large data sets are worked on in parts (`part_size`). Each stage has two more rules: one does the
# work of a part, the other puts the parts together to the very file that one job would have written.
# Data sets that are not cut have no parts, and neither rule has a job.
use rule detect as detect_part with:
    output:
        temp(part_file("results/detect/{dataset}/{detector}.parquet")),
    log:
        part_file("logs/detect/{dataset}/{detector}.log"),
    benchmark:
        part_file("benchmarks/results/detect/{dataset}/{detector}.tsv")
    params:
        part=lambda wildcards: wildcards.part,
    message:
        "detecting faces of {wildcards.dataset}, {wildcards.part}, with {wildcards.detector}"


use rule anonymise as anonymise_part with:
    output:
        archive=temp(part_file("results/anonymise/{method}/{dataset}.tar")),
        ledger=temp(part_file("results/anonymise/{method}/{dataset}.ledger.parquet")),
    log:
        part_file("logs/anonymise/{method}/{dataset}.log"),
    benchmark:
        part_file("benchmarks/results/anonymise/{method}/{dataset}.tsv")
    message:
        "anonymising {wildcards.dataset}, {wildcards.part}, with {wildcards.method}"


use rule redetect as redetect_part with:
    input:
        archive=part_file("results/anonymise/{method}/{dataset}.tar"),
        originals="results/ingest/{dataset}/images.tar",
        known=lambda wildcards: PLAN.known_faces(wildcards.detector),
        library=lambda wildcards: PLAN.library("detect", detector=wildcards.detector),
    output:
        temp(part_file("results/redetect/{method}/{dataset}.{detector}.parquet")),
    log:
        part_file("logs/redetect/{method}/{dataset}.{detector}.log"),
    benchmark:
        part_file("benchmarks/results/redetect/{method}/{dataset}.{detector}.tsv")
    message:
        "looking for faces in {wildcards.method} of {wildcards.dataset}, {wildcards.part}, with {wildcards.detector}"


use rule embed as embed_part with:
    input:
        archive=part_file("results/anonymise/{method}/{dataset}.tar"),
        ledger=part_file("results/anonymise/{method}/{dataset}.ledger.parquet"),
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: part_file(
            PLAN.attacker_detections(wildcards.recogniser)
        ),
        library=lambda wildcards: PLAN.library("embed", recogniser=wildcards.recogniser),
    output:
        temp(part_file("results/embed/{method}/{dataset}.{recogniser}.npz")),
    log:
        part_file("logs/embed/{method}/{dataset}.{recogniser}.log"),
    benchmark:
        part_file("benchmarks/results/embed/{method}/{dataset}.{recogniser}.tsv")
    message:
        "embedding {wildcards.method} of {wildcards.dataset}, {wildcards.part}, with {wildcards.recogniser}"


use rule classify as classify_part with:
    input:
        archive=part_file("results/anonymise/{method}/{dataset}.tar"),
        ledger=part_file("results/anonymise/{method}/{dataset}.ledger.parquet"),
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: part_file(
            PLAN.network_detections(wildcards.network)
        ),
        library=lambda wildcards: PLAN.library("classify", network=wildcards.network),
    output:
        temp(part_file("results/classify/{method}/{dataset}.{network}.npz")),
    log:
        part_file("logs/classify/{method}/{dataset}.{network}.log"),
    benchmark:
        part_file("benchmarks/results/classify/{method}/{dataset}.{network}.tsv")
    message:
        "telling the expressions in {wildcards.method} of {wildcards.dataset}, {wildcards.part}, with {wildcards.network}"


use rule measure as measure_part with:
    input:
        originals="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        archive=part_file("results/anonymise/{method}/{dataset}.tar"),
        ledger=part_file("results/anonymise/{method}/{dataset}.ledger.parquet"),
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=expand(
            "results/detect/{{dataset}}/{detector}.parquet",
            detector=PLAN.params.detection.reported,
        ),
        redetections=expand(
            part_file(
                "results/redetect/{{method}}/{{dataset}}.{detector}.parquet",
                "{{part}}",
            ),
            detector=PLAN.params.detection.reported,
        ),
        library=PLAN.library("measure"),
    output:
        images=temp(part_file("results/utility/{method}/{dataset}.images.parquet")),
    log:
        part_file("logs/measure/{method}/{dataset}.log"),
    benchmark:
        part_file("benchmarks/results/measure/{method}/{dataset}.tsv")
    message:
        "measuring what {wildcards.method} leaves of {wildcards.dataset}, {wildcards.part}"


# Parts are gone once nothing needs them any more. That they have to be made again, after a change of
# code or settings, is therefore noticed by the rule that gathers them: it has the same ones.
for stage in STAGES:

    rule:
        name:
            f"gather_{stage}"
        input:
            manifest="results/ingest/{dataset}/manifest.parquet",
            parts=PLAN.parts.inputs(getattr(rules, stage).output),
            made_by=getattr(rules, stage).input.library,
            library=PLAN.library("gather"),
        output:
            list(getattr(rules, stage).output),
        log:
            str(getattr(rules, stage).log).replace("logs/", "logs/gather/"),
        benchmark:
            str(getattr(rules, stage).benchmark).replace(
                "results/", "results/gather_", 1
            )
        wildcard_constraints:
            dataset=PLAN.pattern("cut"),
        conda:
            "../../envs/analysis.yaml"
        params:
            **dict(getattr(rules, stage).params.items()),
            stage=stage,
        message:
            "putting the parts of {wildcards.dataset} together"
        script:
            "../scripts/gather.py"


ruleorder: gather_detect > detect
ruleorder: gather_anonymise > anonymise
ruleorder: gather_redetect > redetect
ruleorder: gather_embed > embed
ruleorder: gather_classify > classify
ruleorder: gather_measure > measure
