"""Everything a person touches: pages, commands, settings and the wiring of the parts."""
