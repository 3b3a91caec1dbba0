"""Bots with a compiled packet sink; scenarios; measurement; reports."""
