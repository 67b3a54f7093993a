"""What is done to passages once they are ranked."""
