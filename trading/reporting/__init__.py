"""Reports for people: facts in, Markdown and self-contained HTML out, in Korean and English."""
