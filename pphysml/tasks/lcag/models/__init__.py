"""Networks of `lcag` by name, as "module:attribute"."""

NETWORKS = {
    "transformer": "pphysml.tasks.lcag.models.transformer:LcagTransformer",
    "nri": "pphysml.tasks.lcag.models.nri:LcagNri",
    "paper-transformer": "pphysml.tasks.lcag.models.paper_transformer:PaperTransformer",
    "paper-nri": "pphysml.tasks.lcag.models.paper_nri:PaperNri",
}
