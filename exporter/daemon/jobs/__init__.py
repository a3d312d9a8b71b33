"""The jobs of one config, each with what it goes on from after a reload."""
