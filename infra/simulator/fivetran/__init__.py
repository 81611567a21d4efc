"""A local, stateful Fivetran: its REST API (version 1) over HTTP, and an admin API for tests.

`app.build_app` creates the web application; `state.FivetranState` is its state. Where the API's documentation leaves a
question, `options.Options` has a switch. Routes that are not simulated answer 501.
"""
