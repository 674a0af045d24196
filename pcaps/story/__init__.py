"""The weeks of a small organisation as its products log them: see make_story.py, which writes them."""
