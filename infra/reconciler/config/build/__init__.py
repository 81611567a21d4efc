"""From checked documents to the model, and back to YAML."""
