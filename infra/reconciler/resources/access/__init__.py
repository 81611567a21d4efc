"""DatasetAccess: the access list of a dataset, written with its etag."""
