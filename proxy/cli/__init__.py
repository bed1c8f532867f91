"""The pgveil command."""
