"""The listener: aiohttp, and nothing above this line knows it."""
