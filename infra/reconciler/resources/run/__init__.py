"""What all operations of one plugin process share."""
