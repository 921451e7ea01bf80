"""Networks: encoders of observations, and the conditional U-Net over the action chunk."""

from .encoders import ObservationEncoder
from .policy_network import PolicyNetwork, full_precision

__all__ = ["ObservationEncoder", "PolicyNetwork", "full_precision"]
