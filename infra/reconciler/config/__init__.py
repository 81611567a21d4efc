"""Load YAML files into the model, or report everything that is wrong with them.

    files → nodes with places → schema → rules across files → model

`load` is the whole of it. It needs no credentials, no network and no Pulumi.
"""

from reconciler.config.loading import SPECS, Loaded, load

__all__ = ["SPECS", "Loaded", "load"]
