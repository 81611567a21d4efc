"""Expiry, retirement, permission to remove, and the hand-over to Airflow. Pure."""
