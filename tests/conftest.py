"""What holds for every test: hypothesis without deadlines, since a busy machine is no failure."""

from hypothesis import HealthCheck, settings

settings.register_profile("reconciler", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("reconciler")
