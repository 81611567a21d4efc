"""What a run would change and whether it may: checked before anything is touched; and the outcome."""
