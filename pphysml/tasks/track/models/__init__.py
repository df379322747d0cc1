"""Networks of `track` by name, as "module:attribute"."""

NETWORKS = {
    "relay": "pphysml.tasks.track.models.relay:Relay",
    "line-graph": "pphysml.tasks.track.models.line_graph:LineGraph",
    "hit-graph": "pphysml.tasks.track.models.hit_graph:HitGraph",
}
OWN = "pphysml.tasks.track.models.own_links:OwnLinks"
"""What calls a network of the user's own."""
