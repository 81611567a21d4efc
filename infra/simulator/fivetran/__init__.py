"""A local, stateful Fivetran: the REST API of version 1 over HTTP, with its quirks, and an admin side for tests.

`app.build_app` makes the web application; `state.FivetranState` is what it remembers. What the API's documentation
leaves open is a switch in `options.Options`. What is not simulated answers 501 and says so.
"""
