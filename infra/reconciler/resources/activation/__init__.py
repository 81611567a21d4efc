"""Activation: a connection's setup tests, tables, schedule and start."""
