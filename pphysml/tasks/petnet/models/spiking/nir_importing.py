"""What a program that imports our NIR files must do to find the same spikes; the files and the export say it."""

LIF = (
    "Membranes take Euler steps of `step` seconds, beta = 1 - step / tau, and fire above v_threshold. One step later "
    "v_threshold is subtracted; nothing is set to v_reset, which is there because NIR wants it. "
    "snntorch.import_nir.import_from_nir sets membranes to 0 at once and finds other spikes: after it, for every "
    "snntorch.Leaky among the modules, set reset_mechanism = 'subtract', state_function = _base_sub of that neuron, and "
    "reset_delay = True."
)

EXACT = (
    "Membranes (LI) take Euler steps of `step` seconds, beta = 1 - step / tau; a Threshold passes 1 above it; its spikes "
    "return through Scale(-1) to the membrane in the step after. Every node means what NIR says, and nothing else is "
    "needed but a program that runs cycles; snntorch's importer knows neither LI nor Threshold."
)
