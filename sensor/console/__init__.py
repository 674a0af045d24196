"""The web page: reads the store, asks for actions, holds nothing of its own."""
