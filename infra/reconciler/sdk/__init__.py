"""What stands in place of slow functions of Pulumi's SDK, for one version of it."""
