"""Keep Airflow's variables as the files declare them.

Through Airflow's REST API, or as secrets of its backend.
"""
