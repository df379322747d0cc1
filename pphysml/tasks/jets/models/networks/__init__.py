"""Networks on the constituents of jets by name, as "module:attribute"; all are made and called alike.

`Network(features, classes, jet_inputs=0)` makes one; `network(particles, vectors, offsets, jets)` returns logits.

Shapes: particles float32 (P, features), vectors float32 (P, 4) of px, py, pz, E in GeV, offsets int64 (B + 1,): the constituents
of jet b are the rows offsets[b]:offsets[b + 1], in any order, and there may be none; jets float32 (B, jet_inputs) or None. Returns (B, classes).
"""

NETWORKS = {
    "pfn": "pphysml.tasks.jets.models.networks.particle_flow:ParticleFlowNetwork",
    "particlenet": "pphysml.tasks.jets.models.networks.particle_net:ParticleNet",
    "part": "pphysml.tasks.jets.models.networks.particle_transformer:ParticleTransformer",
    "small-part": "pphysml.tasks.jets.models.networks.small_transformer:SmallTransformer",
}
