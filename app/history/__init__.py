"""What was made: speeches to hear, find, download and delete, how long they are kept, and where a file comes from."""
