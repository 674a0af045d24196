"""What sites send their hub: files of it, read once."""

from sensor.sources._site_file import SiteSource, recognises

__all__ = ["SiteSource", "recognises"]
