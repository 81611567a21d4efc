"""Simulate Google Cloud behind Pulumi's provider protocol.

It does what `pulumi-resource-gcp` would do, against state in memory.

Three layers: `state` (all objects), `bigquery` and `iam` (Google's APIs), `dataset` and `member` (how the real plugin
turns a resource into API calls). `provider` serves them to Pulumi, `rest` serves BigQuery's API to other clients, and
`admin` serves changes by hand.
"""
