"""What a page says: its typed contexts, sentences, languages, and what it leaves out."""
