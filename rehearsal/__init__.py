"""The whole story over days, with nothing but this machine: `make rehearse`."""
