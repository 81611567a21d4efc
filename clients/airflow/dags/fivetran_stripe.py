"""A typical DAG: one FivetranOperator, with the connection's id from Airflow's variable."""

from datetime import datetime

from airflow import DAG
from fivetran_provider_async.operators import FivetranOperator

with DAG("fivetran_stripe", start_date=datetime(2026, 1, 1), schedule=None, catchup=False):
    FivetranOperator(
        task_id="fivetran_stripe",
        connector_id="{{ var.value.fivetran_stripe_connector_id }}",
        poll_frequency=1,
    )
