"""The dashboard's data, kept fresh: a background cycle, its subscribers, its history files and exports."""
