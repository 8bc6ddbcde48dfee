"""What operators touch: the console, the command line."""
