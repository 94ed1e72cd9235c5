"""What `obs run` does around a program: start it, read what it prints, explain its end."""
