"""Local Fivetran, Google Cloud, Secret Manager and GitHub, for tests and rehearsals.

They follow the services' documentation and import nothing else of this project, so that they do not share its mistakes.
"""
