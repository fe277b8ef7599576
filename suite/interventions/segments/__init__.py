"""What interventions on segmented prompts share: the layout, positions, the attention itself, and its installation."""
