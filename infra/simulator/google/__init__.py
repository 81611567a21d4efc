"""A local Google Cloud behind Pulumi's provider protocol: what `pulumi-resource-gcp` would do, against state in memory.

Three layers: `state` (what exists), `bigquery` and `iam` (how Google's APIs treat it), `dataset` and `member` (how the
real plugin turns a resource into API calls). `provider` puts them on the wire; `rest` serves datasets over BigQuery's
own API, to those who read them without Pulumi; `admin` is the hand from outside.
"""
