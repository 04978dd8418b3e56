"""Random examples are judged by what they show, not by how long a busy machine takes over one of them."""

from hypothesis import settings

settings.register_profile("tallystick", deadline=None)
settings.load_profile("tallystick")
