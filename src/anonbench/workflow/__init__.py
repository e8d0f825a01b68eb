"""From the configuration to the names, inputs and parameters of the workflow's rules.

Imported when Snakemake reads the Snakefile, so nothing heavy is imported here: only what the
configuration needs. What takes more is imported inside the function that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonbench.config import parse
from anonbench.workflow.checks import check_folders, check_plugins, check_weights
from anonbench.workflow.inputs import folder_fingerprint
from anonbench.workflow.outputs import Outputs

__all__ = ["Plan", "folder_fingerprint"]


class Plan(Outputs):
    """One configuration, seen by the rules.

    Attributes
    ----------
    params : Params
        The validated configuration.
    root : Path
        The project's folder.
    """

    @classmethod
    def of(cls, config: Mapping[str, Any], root: Path) -> Plan:
        """Validate Snakemake's `config`.

        Raises
        ------
        snakemake.exceptions.WorkflowError
            If it cannot be used; the message lists every problem by its key.
        """
        from snakemake.exceptions import WorkflowError

        try:
            params = parse(config, "the configuration (params.yaml and --configfile)")
            check_plugins(params)
            check_folders(params)
            check_weights(params)
        except ValueError as error:
            raise WorkflowError(str(error)) from None
        return cls(params, root)
