"""Actor-Curator and the curricula it is compared with: policies trained on problems chosen as they learn."""
