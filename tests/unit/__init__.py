"""A package, or pytest would put this folder on the path, where `secrets` hides the standard library's."""
