"""Random examples are judged by what they show, not by how long a busy machine takes over one of them."""

from hypothesis import HealthCheck, settings

settings.register_profile("tallystick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tallystick")
