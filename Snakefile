# One DAG: ingest -> detect -> anonymise -> embed, classify, measure -> score -> summarise -> report.
# Names and paths come from anonbench.workflow; each stage has its own file of rules.
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.19")
sys.path.insert(0, str(Path(workflow.basedir) / "src"))


configfile: Path(workflow.basedir) / "params.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/detect.smk"
include: "workflow/rules/anonymise.smk"
include: "workflow/rules/recognise.smk"
include: "workflow/rules/expressions.smk"
include: "workflow/rules/utility.smk"
include: "workflow/rules/parts.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/faces.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/adversarial.smk"
include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        rules.report.output,
        rules.check.output,
        rules.write_sources.output,
        # Where a data set is cut, nothing else asks for them as a whole.
        PLAN.fill("results/redetect/{method}/{dataset}.{detector}.parquet"),
