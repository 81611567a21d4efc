"""What a preview would change, as consequences for the people who review it."""
