# Names for parts of the DAG, for people and for dvc.yaml. Each loop makes one target an entry.
METHOD_FILES = [
    "results/anonymise/{method}/{dataset}.tar",
    "results/redetect/{method}/{dataset}.{detector}.parquet",
    "results/embed/{method}/{dataset}.{recogniser}.npz",
    "results/score/{method}/{dataset}.{recogniser}.metrics.csv",
    "results/utility/{method}/{dataset}.images.parquet",
]
EXPRESSION_FILE = "results/expression/{method}/{dataset}.{network}.metrics.csv"


for dataset in PLAN.datasets:

    rule:
        name:
            f"ingest_{dataset}"
        input:
            f"results/ingest/{dataset}/images.tar",

    rule:
        name:
            f"detect_{dataset}"
        input:
            f"results/detect/{dataset}/subjects.parquet",
            expand(f"results/detect/{dataset}/{{d}}.parquet", d=PLAN.params.detectors),


for method in PLAN.methods:

    rule:
        name:
            f"method_{method}"
        input:
            expand(
                METHOD_FILES,
                method=method,
                dataset=PLAN.datasets,
                recogniser=PLAN.recognisers,
                detector=PLAN.params.redetectors,
            ),
            expand(
                EXPRESSION_FILE,
                method=method,
                dataset=PLAN.datasets,
                network=PLAN.networks,
            ),
            PLAN.no_expressions([method]),
            PLAN.guarantees([method]),


rule controls:
    input:
        expand(
            METHOD_FILES,
            method=PLAN.controls,
            dataset=PLAN.datasets,
            recogniser=PLAN.recognisers,
            detector=PLAN.params.redetectors,
        ),
        expand(
            EXPRESSION_FILE,
            method=PLAN.controls,
            dataset=PLAN.datasets,
            network=PLAN.networks,
        ),
        PLAN.no_expressions(PLAN.controls),
